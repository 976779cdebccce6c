"""The catalogue of reason codes: why a verification failed or could not be completed.

Source: Yousign's page "Follow video identity verification status", tables of status codes: 42 rows, but 41 codes, since IDVV_1201 is in both
tables. The retry advice and the choice of internal codes are not from the provider but from this project.
"""

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

from domain.described import Described
from domain.status import Status


class ReasonType(Described):
    """The category of a reason code."""

    ENGAGEMENT_ISSUE = "engagement_issue", "The individual did not start the verification, left it, postponed it or refused it."
    TECHNICAL_ISSUE = "technical_issue", "The connection, browser or device did not allow a recording."
    DOCUMENT_CAPTURE_ISSUE = "document_capture_issue", "The video of the document is not usable."
    FACE_CAPTURE_ISSUE = "face_capture_issue", "The video of the face is not usable."
    OTHER_ISSUE = "other_issue", "A problem at the provider prevented a result."
    DOCUMENT_ISSUE = "document_issue", "The document itself is not accepted."
    COPY_ISSUE = "copy_issue", "The individual presented a copy instead of the document."
    IDENTITY_FRAUD = "identity_fraud", "The document or the face was forged, stolen or belongs to another person."
    CONSISTENCY_ISSUE = "consistency_issue", "The identity in the document does not match the declared identity."
    SUSPICIOUS_BEHAVIOR = "suspicious_behavior", "The circumstances of the recording are suspicious."
    UNKNOWN = "unknown", "The code is not in the catalogue. The provider may add codes at any time."


class RetryAdvice(Described):
    """Whether a retry can help, and what the individual should change for it. The values are listed from the mildest advice to the strictest."""

    RETRY_NOW = "retry_now", "Retry. Nothing needs to change, except for what the description of the reason names."
    RETRY_OTHER_DEVICE = "retry_other_device", "Retry with another device, browser or connection."
    RETRY_OTHER_DOCUMENT = "retry_other_document", "Retry with another identity document."
    OFFER_ALTERNATIVE = "offer_alternative", "Offer an alternative to the video verification."
    DO_NOT_RETRY = "do_not_retry", "Do not offer a retry on your own initiative."


@dataclass(frozen=True, slots=True)
class ReasonCode:
    """A reason that a provider reports for an outcome, with an explanation. `known`: whether the catalogue below contains the code.

    The advice also depends on the outcome (`explained`) and on the caller (`disclosed`). Reasons with the same `key` are equal.
    """

    code: str
    type: ReasonType
    statuses: tuple[Status, ...]
    description: str
    retry_advice: RetryAdvice
    known: bool = True
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.code} {self.retry_advice.value}")

    @property
    def internal(self) -> bool:
        """Whether the person being verified must not see the reason.

        True for reasons that advise against a retry, such as fraud, and for a code outside the catalogue, since its meaning is unclear.
        """
        return not self.known or self.retry_advice is RetryAdvice.DO_NOT_RETRY


INCONCLUSIVE = (Status.INCONCLUSIVE,)
FAILED = (Status.FAILED,)
EITHER = (Status.INCONCLUSIVE, Status.FAILED)

# The reason codes and their descriptions, in the order and the wording of the tables on Yousign's page.
DESCRIPTIONS: dict[tuple[ReasonType, tuple[Status, ...]], dict[str, str]] = {
    (ReasonType.ENGAGEMENT_ISSUE, INCONCLUSIVE): {
        "IDVV_1101": "The individual never started the flow.",
        "IDVV_1111": "The individual explicitly stated that they wanted to perform the identity verification later by clicking on the dedicated button.",
        "IDVV_1112": "The individual explicitly stated that they did not have their document with them by clicking on the dedicated button.",
        "IDVV_1113": "The individual did not give access to the camera despite the dedicated instructions.",
        "IDVV_1121": "The individual left the process before the capture phase and the verification URL expired (after 15 minutes).",
        "IDVV_1199": "Verification expired (after 7 days) before the user completed the flow.",
        "IDVV_3001": "The individual explicitly refused to do the verification process by clicking on the dedicated button.",
    },
    (ReasonType.TECHNICAL_ISSUE, EITHER): {
        "IDVV_1201": "The individual did not have a sufficient connexion to perform the capture.",
    },
    (ReasonType.TECHNICAL_ISSUE, INCONCLUSIVE): {
        "IDVV_1202": "The individual’s browser was not suitable for video streaming.",
        "IDVV_1203": "The individual’s device did not have any camera.",
    },
    (ReasonType.DOCUMENT_CAPTURE_ISSUE, INCONCLUSIVE): {
        "IDVV_1314": "The individual failed to meet the document challenge and the verification expired.",
    },
    (ReasonType.FACE_CAPTURE_ISSUE, INCONCLUSIVE): {
        "IDVV_1413": "The individual failed to meet the face challenge and the verification expired.",
    },
    (ReasonType.DOCUMENT_CAPTURE_ISSUE, FAILED): {
        "IDVV_1301": "The individual document video is too blurry",
        "IDVV_1302": "The individual performed the document capture under poor lighting conditions.",
        "IDVV_1310": "The individual has not captured the front of the document.",
        "IDVV_1311": "The individual has not captured the back of the document.",
        "IDVV_1312": "The individual hides part of the document.",
        "IDVV_1313": "The individual did not present a dynamic view of the document.",
    },
    (ReasonType.FACE_CAPTURE_ISSUE, FAILED): {
        "IDVV_1401": "The individual’s video of their face is too blurry",
        "IDVV_1402": "The individual performed their identity verification under poor lighting conditions.",
        "IDVV_1410": "The individual has not presented a face.",
        "IDVV_1411": "The individual did not show the full front view of their face.",
        "IDVV_1412": "The individual did not move to prove the liveness.",
    },
    (ReasonType.OTHER_ISSUE, FAILED): {
        "IDVV_1901": "An internal error prevents us from completing the verification, we do our best to reduce the occurrence of this case.",
        "IDVV_1911": "The received videos cannot be played.",
    },
    (ReasonType.DOCUMENT_ISSUE, FAILED): {
        "IDVV_2101": "The individual presented an expired document.",
        "IDVV_2102": "The individual presented a document type that is not accepted.",
        "IDVV_2103": "The individual submitted a damaged document.",
    },
    (ReasonType.COPY_ISSUE, FAILED): {
        "IDVV_2201": "The individual presented a photocopy of the document.",
        "IDVV_2202": "The individual presented the document on a screen.",
    },
    (ReasonType.IDENTITY_FRAUD, FAILED): {
        "IDVV_2301": "The individual submitted a counterfeit or falsified document.",
        "IDVV_2302": "The individual presented a document reported as stolen or lost.",
        "IDVV_2303": "The individual presented the front and back of two different documents.",
        "IDVV_2304": "The individual does not match the photograph of the document.",
        "IDVV_2305": "The individual has presented a photography or a video of someone else's face on a screen or on a physical medium.",
        "IDVV_2306": "The individual altered their appearance.",
        "IDVV_2307": "The individual digitally altered the videos.",
        "IDVV_2311": "The individual of the face authentication is not the one who performed the identity verification.",
    },
    (ReasonType.CONSISTENCY_ISSUE, FAILED): {
        "IDVV_2401": "The individual's identity does not match the declared information.",
    },
    (ReasonType.SUSPICIOUS_BEHAVIOR, FAILED): {
        "IDVV_2402": "The individual used a device that has been technically altered.",
        "IDVV_2403": "The individual seems to have performed the capture under duress.",
    },
}

# The retry advice of each code. Codes of the catalogue that are not listed here have the advice RETRY_NOW.
ADVICE = {
    **dict.fromkeys(("IDVV_1201", "IDVV_1202", "IDVV_1203"), RetryAdvice.RETRY_OTHER_DEVICE),
    **dict.fromkeys(("IDVV_2101", "IDVV_2102", "IDVV_2103", "IDVV_2201", "IDVV_2202"), RetryAdvice.RETRY_OTHER_DOCUMENT),
    **dict.fromkeys(("IDVV_3001",), RetryAdvice.OFFER_ALTERNATIVE),
    **dict.fromkeys((f"IDVV_{number}" for number in (*range(2301, 2308), 2311, 2402, 2403)), RetryAdvice.DO_NOT_RETRY),
}

CATALOGUE = {
    code: ReasonCode(code, type, statuses, description, ADVICE.get(code, RetryAdvice.RETRY_NOW))
    for (type, statuses), descriptions in DESCRIPTIONS.items()
    for code, description in descriptions.items()
}

# Codes that the individual causes by pressing a button of the capture page, or that the individual's device reports.
BUTTONS = frozenset({"IDVV_1111", "IDVV_1112", "IDVV_1113", "IDVV_1202", "IDVV_1203", "IDVV_3001"})
NEVER_STARTED, LINK_EXPIRED, VERIFICATION_EXPIRED = "IDVV_1101", "IDVV_1121", "IDVV_1199"

# The types with at least one internal code. Codes outside the catalogue (UNKNOWN) count as internal. Callers who may not see internal codes may not
# filter by these types either, because the result would reveal which verifications have such a code.
INTERNAL_TYPES = frozenset({reason.type for reason in CATALOGUE.values() if reason.internal} | {ReasonType.UNKNOWN})

CODE = re.compile(r"[A-Z0-9_]{1,64}")
STRICTNESS = tuple(RetryAdvice)


@lru_cache
def listed(status: Status | None = None, type: ReasonType | None = None) -> tuple[ReasonCode, ...]:
    """The catalogue's entries that are allowed with this status and have this type. None means any status or any type."""
    return tuple(reason for reason in CATALOGUE.values() if status in (None, *reason.statuses) and type in (None, reason.type))


@lru_cache(1000)
def all_explained(codes: tuple[str, ...], failed: bool) -> tuple[ReasonCode, ...]:
    """The catalogue's entries for the codes of one verification. `failed`: whether the verification failed.

    The result is cached for each combination of codes: there are few combinations, and many verifications have the same one.
    """
    return tuple(explained(code, failed) for code in codes)


@lru_cache(1000)
def disclosed(codes: tuple[str, ...], failed: bool) -> tuple[ReasonCode, ...]:
    """The catalogue's entries for the codes, for callers who may not see internal reasons: without these, and with advice that does not reveal them.

    If the verification failed, every reason advises OFFER_ALTERNATIVE, whether or not a reason is left out. The catalogue's advice could lead to a
    retry that an internal reason advises against, and an advice that is stricter only in such a case would reveal the internal reason.
    """
    visible = [reason for reason in all_explained(codes, failed) if not reason.internal]
    return tuple(replace(reason, retry_advice=RetryAdvice.OFFER_ALTERNATIVE) if failed else reason for reason in visible)


@lru_cache(1000)
def advice(codes: tuple[str, ...], failed: bool) -> RetryAdvice:
    """One advice over all reasons of a verification that failed or is inconclusive: the strictest one."""
    return strictest(all_explained(codes, failed), failed)


@lru_cache(1000)
def disclosed_advice(codes: tuple[str, ...], failed: bool) -> RetryAdvice:
    """The strictest advice, for callers who may not see internal reasons. It depends only on `failed` and on what `disclosed` returns."""
    return RetryAdvice.OFFER_ALTERNATIVE if failed else strictest(disclosed(codes, failed), failed)


def strictest(reasons: tuple[ReasonCode, ...], failed: bool) -> RetryAdvice:
    """The strictest advice of these reasons; if there are none, the advice for an unexplained outcome."""
    return max((reason.retry_advice for reason in reasons), key=STRICTNESS.index, default=unexplained(failed))


def unexplained(failed: bool) -> RetryAdvice:
    """The advice for an outcome without a reason, or with a reason that is not in the catalogue.

    After a failure, the advice is to offer an alternative, and not to retry: the cause is unclear, and a retry could fail for the same cause.
    """
    return RetryAdvice.OFFER_ALTERNATIVE if failed else RetryAdvice.RETRY_NOW


def by_individual(codes: tuple[str, ...]) -> bool:
    """Whether there are codes, and all of them come from the individual's buttons or device."""
    return bool(codes) and BUTTONS.issuperset(codes)


def explained(code: str, failed: bool = True) -> ReasonCode:
    """The catalogue's entry for a code, or an entry of type UNKNOWN if the catalogue does not have the code.

    `failed`: whether the verification failed. The retry advice of an unknown code depends on it. The query `reasonCode` is about no verification, and
    uses the default.
    """
    return CATALOGUE.get(code) or ReasonCode(
        code, ReasonType.UNKNOWN, EITHER, "A reason that this catalogue does not know yet.", unexplained(failed), known=False
    )
