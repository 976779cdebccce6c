"""How often the simulation reports each reason code, and how often people retry, depending on the retry advice of the codes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

from simulation.chance import weighted


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason code, with its type and its statuses in the gateway's catalogue."""

    code: str
    type: str
    statuses: tuple[str, ...]


# How often each code is reported, relative to the other codes that are allowed with the same status.
WEIGHTS = {
    # In the simulation, only deadlines lead to these codes. The simulated provider never reports them.
    "IDVV_1101": 0.0,
    "IDVV_1121": 0.0,
    "IDVV_1199": 0.0,
    # The individual pressed a button of the capture page, or the device reported a problem.
    "IDVV_1111": 34.0,
    "IDVV_1112": 24.0,
    "IDVV_1113": 15.0,
    "IDVV_1202": 9.0,
    "IDVV_1203": 6.0,
    "IDVV_3001": 12.0,
    # The person, or a technical problem, broke off the capture.
    "IDVV_1201": 9.0,
    "IDVV_1314": 10.0,
    "IDVV_1413": 6.0,
    # The quality of the capture or of the document was insufficient.
    "IDVV_1301": 14.0,
    "IDVV_1302": 11.0,
    "IDVV_1310": 4.0,
    "IDVV_1311": 8.0,
    "IDVV_1312": 8.0,
    "IDVV_1313": 6.0,
    "IDVV_1401": 5.0,
    "IDVV_1402": 6.0,
    "IDVV_1410": 2.0,
    "IDVV_1411": 4.0,
    "IDVV_1412": 4.0,
    "IDVV_1901": 1.0,
    "IDVV_1911": 1.5,
    "IDVV_2101": 12.0,
    "IDVV_2102": 8.0,
    "IDVV_2103": 3.0,
    "IDVV_2201": 4.0,
    "IDVV_2202": 4.0,
    # The provider suspects fraud, rightly or wrongly.
    "IDVV_2301": 2.0,
    "IDVV_2302": 0.6,
    "IDVV_2303": 0.6,
    "IDVV_2304": 1.2,
    "IDVV_2305": 1.0,
    "IDVV_2306": 0.3,
    "IDVV_2307": 0.5,
    "IDVV_2311": 0.4,
    "IDVV_2401": 7.0,
    "IDVV_2402": 0.8,
    "IDVV_2403": 0.2,
}
DEFAULT_WEIGHT = 0.5

BUTTONS = ("IDVV_1111", "IDVV_1112", "IDVV_1113", "IDVV_1202", "IDVV_1203", "IDVV_3001")
FACE_TYPES = ("FACE_CAPTURE_ISSUE",)

NUMBER_OF_CODES = {1: 76, 2: 19, 3: 5}
CHANCE_OF_A_NEW_CODE = 0.015

# Once a code is chosen, the weights of the other codes of its type are multiplied by this factor: faults of a video or document often occur together.
SAME_TYPE_FACTOR = 4

CHANCE_OF_RETRY = {"RETRY_NOW": 0.8, "RETRY_OTHER_DEVICE": 0.7, "RETRY_OTHER_DOCUMENT": 0.6, "OFFER_ALTERNATIVE": 0.0, "DO_NOT_RETRY": 0.0}


def pressed_button(random: Random) -> str:
    """A random code of those that a button of the capture page or the individual's device causes."""
    return weighted(random, {code: WEIGHTS[code] for code in BUTTONS})


def reported_codes(random: Random, status: str, catalogue: Collection[Reason], *, faces: bool) -> tuple[str, ...]:
    """One to three random codes that the provider reports with a status.

    Rarely, a code that is not in the catalogue is added. If the catalogue has no suitable code for the status, only such a code is reported.
    `faces`: whether reason codes about the capture of the face are possible.
    """
    remaining = {
        reason: WEIGHTS.get(reason.code, DEFAULT_WEIGHT)
        for reason in sorted(catalogue, key=lambda reason: reason.code)
        if status in reason.statuses and reason.code not in BUTTONS and (faces or reason.type not in FACE_TYPES)
    }
    codes: list[str] = []
    for _ in range(weighted(random, NUMBER_OF_CODES)):
        if not any(remaining.values()):
            break
        reason = weighted(random, remaining)
        codes.append(reason.code)
        remaining = {
            other: weight * (SAME_TYPE_FACTOR if other.type == reason.type else 1) for other, weight in remaining.items() if other is not reason
        }
    if not codes or random.random() < CHANCE_OF_A_NEW_CODE:
        codes.append(f"IDVV_9{random.randrange(1000):03}")
    return tuple(codes)


def tries_again(reluctance: float, advice: Sequence[str]) -> bool:
    """Whether a person retries.

    `reluctance`: a random number, at least 0 and less than 1. The person retries if it is lower than the chance of a retry with this advice.
    If the reasons have different retry advice, the advice with the lowest chance decides. Without advice, the person does not retry.
    """
    return reluctance < min((CHANCE_OF_RETRY.get(each, 0.0) for each in advice), default=0.0)
