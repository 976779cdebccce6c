"""The names of a person as the integrator declared them, and the data that the provider read from the identity document."""

import re
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from domain.described import Described
from domain.text import day, shaped, short

COUNTRY = re.compile("[A-Z]{2,3}")

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
        """The declared identity, if both names are valid. Raises: InvalidInput with `firstName` or `lastName` as its `field`."""
        return cls(short("firstName", first_name), short("lastName", last_name))

    def open(self) -> Self:
        """Returns this object: the names in it are not encrypted. Encrypted data implement the same method, see `Personal`."""
        return self


@dataclass(frozen=True, slots=True)
class ExtractedDocument:
    """The data that the provider read from the identity document. `born_on` is "YYYY-MM-DD"; the country is ISO 3166-1 alpha-2 or alpha-3."""

    full_name: str | None = None
    born_on: str | None = None
    type: DocumentType | None = None
    issuing_country_code: str | None = None
    national_identification_number: str | None = None

    @classmethod
    def extracted(
        cls,
        full_name: str | None,
        born_on: str | None,
        type: DocumentType | None,
        issuing_country_code: str | None,
        national_identification_number: str | None,
    ) -> Self:
        """The extracted document, if each value is valid or None. Raises: InvalidInput with the first invalid value as its `field`."""
        if full_name is not None:
            short("extractedDocument.fullName", full_name)
        if born_on is not None:
            day("extractedDocument.bornOn", born_on)
        if issuing_country_code is not None:
            shaped("extractedDocument.issuingCountryCode", issuing_country_code, COUNTRY, "an ISO 3166-1 code such as FR")
        if national_identification_number is not None:
            short("extractedDocument.nationalIdentificationNumber", national_identification_number)
        return cls(full_name, born_on, type, issuing_country_code, national_identification_number)

    def open(self) -> Self:
        """Returns this object: the data in it are not encrypted. Encrypted data implement the same method, see `Personal`."""
        return self
