"""The names of a person as the integrator declared them, and the data that the provider read from the identity document."""

from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from domain.described import Described
from domain.text import plain_text

T = TypeVar("T", covariant=True)


class Personal(Protocol[T]):
    """Personal data of type `T`. They may stay encrypted until `open` is called."""

    def open(self) -> T:
        """The personal data, decrypted if necessary."""
        ...


class DocumentType(Described):
    """The kind of an identity document."""

    DRIVER_LICENSE = "driver_license", "A driving licence."
    ID_CARD = "id_card", "A national identity card."
    PASSPORT = "passport", "A passport."
    RESIDENCE_PERMIT = "residence_permit", "A residence permit."
    TRAVEL_DOCUMENT = "travel_document", "Another travel document, such as one issued to a refugee."


@dataclass(frozen=True, slots=True)
class DeclaredIdentity:
    """The names that the integrator declared, as written in the identity document."""

    first_name: str
    last_name: str

    @classmethod
    def declared(cls, first_name: str, last_name: str) -> Self:
        """The declared identity, with both names in NFC and trimmed.

        Raises: InvalidInput with `firstName` or `lastName` as its `field`.
        """
        return cls(plain_text("firstName", first_name), plain_text("lastName", last_name))

    def open(self) -> Self:
        """Returns this object, because its names are not encrypted. Encrypted data have the same method (`Personal.open`), which decrypts them."""
        return self


@dataclass(frozen=True, slots=True)
class ExtractedDocument:
    """The data that the provider read from the identity document. `born_on` is "YYYY-MM-DD"; the country is a code of ISO 3166-1 or ICAO 9303.

    Use `Extraction.received` to create one from the values that a provider sent.
    """

    full_name: str | None = None
    born_on: str | None = None
    type: DocumentType | None = None
    issuing_country_code: str | None = None
    national_identification_number: str | None = None

    def open(self) -> Self:
        """Returns this object, because its data are not encrypted. Encrypted data have the same method (`Personal.open`), which decrypts them."""
        return self
