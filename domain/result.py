"""A result of a verification, as a provider reports it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from domain.errors import InvalidInput
from domain.event import Actor
from domain.extraction import Extraction
from domain.identity import ExtractedDocument
from domain.reasons import CODE, by_individual, explained
from domain.status import Status

MAX_REASONS = 50


@dataclass(frozen=True, slots=True)
class Result:
    """A final status with its reason codes. Use `reported` for a result that can be refused, and `received` for one that can't.

    `source_id`: the provider's id of the event that reported the result; None if there is none.
    `note`: what is unusual about the result, and which fields of the document were repaired or left out (`Extraction.note`). It contains no values.
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

    @classmethod
    def received(cls, status: Status, codes: Sequence[str], extraction: Extraction | None = None, source_id: str | None = None) -> Self:
        """The result that a webhook, or a query of the provider, has brought. It is never refused: if its codes are unusual, the note says so.

        `status` must be final. Texts without the form of a code are left out, because they could contain personal data.
        """
        extraction = extraction or Extraction()
        reasons = tuple(code for code in dict.fromkeys(codes) if CODE.fullmatch(code))
        remark = "; ".join([*remarks(status, codes, reasons), *([extraction.note] if extraction.note else [])])
        return cls(status, reasons[:MAX_REASONS], extraction.document, source_id, remark or None)

    @property
    def actor(self) -> Actor:
        """The party that caused the result.

        The individual if there are codes and all come from the individual's buttons or device, otherwise the provider.
        """
        return Actor.INDIVIDUAL if by_individual(self.reasons) else Actor.PROVIDER

    @property
    def key(self) -> tuple[Status, frozenset[str]]:
        """The key by which two results are compared. The order of the codes, the document, the note and the event id make no difference."""
        return self.status, frozenset(self.reasons)


def remarks(status: Status, received: Sequence[str], reasons: tuple[str, ...]) -> list[str]:
    """What is unusual about the codes that a provider sent with a status. `reasons`: the received texts that are codes, without duplicates."""
    unusual = {
        f"reasonCodes was empty for {status.value}": status is not Status.VERIFIED and not received,
        "reasonCodes was not empty for verified": status is Status.VERIFIED and bool(received),
        "reasonCodes had texts that are no codes, and they were left out": not all(CODE.fullmatch(code) for code in received),
        f"reasonCodes had more than {MAX_REASONS} codes, and the rest was left out": len(reasons) > MAX_REASONS,
        f"reasonCodes had codes that do not go with {status.value}": status is not Status.VERIFIED
        and any(status not in explained(code).statuses for code in reasons),
    }
    return [remark for remark, applies in unusual.items() if applies]


def is_unusual(status: Status, codes: Sequence[str]) -> bool:
    """Whether there is anything unusual (`remarks`) about the codes that a provider sent with a status."""
    return bool(remarks(status, codes, tuple(code for code in dict.fromkeys(codes) if CODE.fullmatch(code))))
