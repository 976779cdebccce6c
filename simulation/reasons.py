"""How often a reason is given, and how often somebody tries again after it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

from simulation.chance import weighted


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason code as the gateway's catalogue describes it."""

    code: str
    type: str
    statuses: tuple[str, ...]


# How often each code is given, against the others that go with the same status.
WEIGHTS = {
    # Only the passing of time gives these; nobody reports them.
    "IDVV_1101": 0.0,
    "IDVV_1121": 0.0,
    "IDVV_1199": 0.0,
    # The buttons.
    "IDVV_1111": 34.0,
    "IDVV_1112": 24.0,
    "IDVV_1113": 15.0,
    "IDVV_1202": 9.0,
    "IDVV_1203": 6.0,
    "IDVV_3001": 12.0,
    # Captures that were broken off.
    "IDVV_1201": 9.0,
    "IDVV_1314": 10.0,
    "IDVV_1413": 6.0,
    # Captures and documents that were not good enough.
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
    # Fraud, rightly or wrongly suspected.
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
WEIGHT_OF_A_CODE_NOT_LISTED = 0.5

BUTTONS = ("IDVV_1111", "IDVV_1112", "IDVV_1113", "IDVV_1202", "IDVV_1203", "IDVV_3001")
ABOUT_FACES = ("FACE_CAPTURE_ISSUE",)

HOW_MANY = {1: 76, 2: 19, 3: 5}
CHANCE_OF_A_NEW_CODE = 0.015

# What is wrong with a video or a document seldom comes alone, and its company is most often of its own type.
SAME_TYPE = 4

CHANCE_OF_RETRY = {"RETRY_NOW": 0.8, "RETRY_OTHER_DEVICE": 0.7, "RETRY_OTHER_DOCUMENT": 0.6, "OFFER_ALTERNATIVE": 0.0, "DO_NOT_RETRY": 0.0}


def pressed(random: Random) -> str:
    """The code of the button that somebody presses in the capture page."""
    return weighted(random, {code: WEIGHTS[code] for code in BUTTONS})


def given(random: Random, status: str, catalogue: Collection[Reason], *, faces: bool) -> tuple[str, ...]:
    """One to three codes that go with a status; rarely one among them, or alone where the catalogue has none, that nobody knows yet."""
    left = {
        reason: WEIGHTS.get(reason.code, WEIGHT_OF_A_CODE_NOT_LISTED)
        for reason in sorted(catalogue, key=lambda reason: reason.code)
        if status in reason.statuses and reason.code not in BUTTONS and (faces or reason.type not in ABOUT_FACES)
    }
    codes: list[str] = []
    for _ in range(weighted(random, HOW_MANY)):
        if not any(left.values()):
            break
        reason = weighted(random, left)
        codes.append(reason.code)
        left = {other: weight * (SAME_TYPE if other.type == reason.type else 1) for other, weight in left.items() if other is not reason}
    if not codes or random.random() < CHANCE_OF_A_NEW_CODE:
        codes.append(f"IDVV_9{random.randrange(1000):03}")
    return tuple(codes)


def tries_again(persistence: float, advice: Sequence[str]) -> bool:
    """Whether somebody tries again, whose persistence is in [0, 1): the lower, the likelier. The worst advice counts; without any, no."""
    return persistence < min((CHANCE_OF_RETRY.get(each, 0.0) for each in advice), default=0.0)
