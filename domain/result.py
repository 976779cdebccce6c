"""What a provider reports as the outcome."""

from dataclasses import dataclass
from typing import Self

from domain.errors import InvalidInput
from domain.event import Actor
from domain.identity import ExtractedDocument
from domain.reasons import BUTTONS, CODE, explained
from domain.status import Status

MAX_REASONS = 50


@dataclass(frozen=True, slots=True)
class Result:
    """A final status with the codes that go with it. Made by `reported`."""

    status: Status
    reasons: tuple[str, ...] = ()
    document: ExtractedDocument | None = None
    source_id: str | None = None

    @classmethod
    def reported(cls, status: Status, codes: list[str], document: ExtractedDocument | None = None, source_id: str | None = None) -> Self:
        """The result where the codes go with the status: doubles dropped, order kept.

        Raises: InvalidInput naming `status` or `reasonCodes`.
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
        return cls(status, reasons, document, source_id)

    @property
    def actor(self) -> Actor:
        """Who caused it: the individual where all codes are of the capture page's buttons."""
        return Actor.INDIVIDUAL if self.reasons and BUTTONS.issuperset(self.reasons) else Actor.PROVIDER

    @property
    def key(self) -> tuple[Status, frozenset[str]]:
        """What makes two results the same."""
        return self.status, frozenset(self.reasons)
