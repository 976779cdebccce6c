"""A result of a verification, as a provider reports it."""

from dataclasses import dataclass
from typing import Self

from domain.errors import InvalidInput
from domain.event import Actor
from domain.identity import ExtractedDocument
from domain.reasons import CODE, by_individual, explained
from domain.status import Status

MAX_REASONS = 50


@dataclass(frozen=True, slots=True)
class Result:
    """A final status with its reason codes. Use `reported` to create a validated one.

    `note`: what was repaired or left out of the extracted document, see `Extraction`.
    """

    status: Status
    reasons: tuple[str, ...] = ()
    document: ExtractedDocument | None = None
    source_id: str | None = None
    note: str | None = None

    @classmethod
    def reported(
        cls, status: Status, codes: list[str], document: ExtractedDocument | None = None, source_id: str | None = None, note: str | None = None
    ) -> Self:
        """The result, if the codes are allowed with the status. Duplicate codes are removed; the order of the codes is kept.

        Raises: InvalidInput with `status` or `reasonCodes` as its `field`.
        """
        reasons = tuple(dict.fromkeys(codes))
        if not status.final:
            raise InvalidInput("status", "must be final: verified, failed or inconclusive")
        if len(reasons) > MAX_REASONS:
            raise InvalidInput("reasonCodes", f"holds {len(reasons)} codes; at most {MAX_REASONS} are accepted")
        if status is Status.VERIFIED and reasons:
            raise InvalidInput("reasonCodes", "must be empty for a verified verification")
        if status is not Status.VERIFIED and not reasons:
            raise InvalidInput("reasonCodes", f"needs at least one code for {status.value}")
        for code in reasons:
            if not CODE.fullmatch(code):
                raise InvalidInput("reasonCodes", f"holds {code[:64]!r}; a code is 1 to 64 of A-Z, 0-9 and _")
            if status not in explained(code).statuses:
                raise InvalidInput("reasonCodes", f"holds {code}, which does not go with {status.value}")
        return cls(status, reasons, document, source_id, note)

    @property
    def actor(self) -> Actor:
        """The party that caused the result.

        The individual if there are codes and all come from the individual's buttons or device, otherwise the provider.
        """
        return Actor.INDIVIDUAL if by_individual(self.reasons) else Actor.PROVIDER

    @property
    def key(self) -> tuple[Status, frozenset[str]]:
        """The key by which two results are compared: neither the order of the codes nor the document, its note or the event id makes a difference."""
        return self.status, frozenset(self.reasons)
