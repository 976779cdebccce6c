"""The requests of an integrator for a new verification or for a retry, and what the provider returns for a verification that it starts."""

from dataclasses import dataclass
from typing import Self

from domain.identity import DeclaredIdentity
from domain.requirements import Requirements
from domain.text import identifier, optional, plain_text, web_address


@dataclass(frozen=True, slots=True)
class Idempotency:
    """An integrator's idempotency key, and the fingerprint of the input that was sent with it.

    The same key with the same fingerprint is a repeated creation; with another fingerprint, it is a conflict. Anonymization removes the fingerprint:
    every later creation with the key is then a conflict.
    """

    key: str
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class ProviderReference:
    """The provider of a verification: its name, the id that it gave to the verification, and the link for the individual."""

    name: str
    id: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class ExternalProvider:
    """A verification that the integrator itself started, at a provider that the gateway does not call. `id` is the provider's own id for it."""

    verification_url: str
    id: str | None = None

    def checked(self) -> Self:
        """Returns an equal object if each text in this one is valid. Raises: InvalidInput."""
        return type(self)(web_address("external.verificationUrl", self.verification_url), optional(identifier, "external.id", self.id))


@dataclass(frozen=True, slots=True)
class Request:
    """An integrator's request to create a verification. `external`: required for the provider `external`, and refused for any other provider.

    `requirements`: None if the integrator has none.
    """

    declared: DeclaredIdentity
    redirection_url: str
    reference: str | None = None
    face_recognition: bool = False
    idempotency: Idempotency | None = None
    external: ExternalProvider | None = None
    requirements: Requirements | None = None


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """The values that an integrator changes in a retry. A value that is None is copied from the retried attempt.

    `external` is never copied: it belongs to one attempt.
    """

    first_name: str | None = None
    last_name: str | None = None
    redirection_url: str | None = None
    external: ExternalProvider | None = None

    def checked(self) -> Self:
        """The same request, with the names in NFC and trimmed. Raises: InvalidInput if a text in it is not valid."""
        return type(self)(
            first_name=optional(plain_text, "firstName", self.first_name),
            last_name=optional(plain_text, "lastName", self.last_name),
            redirection_url=optional(web_address, "redirectionUrl", self.redirection_url),
            external=self.external and self.external.checked(),
        )
