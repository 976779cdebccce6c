"""The plan of a run: for each verification its outcome at the provider, and the faults on its way. Everything is drawn from the seed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import TypeVar

from domain.reasons import BUTTONS, CATALOGUE
from domain.status import Status
from tests.fakes.yousign import Fault

Card = TypeVar("Card")

# The workspaces of a run, by name, and whether their verifications have observed links.
OBSERVED, PLAIN = "observed", "plain"
WORKSPACES = {OBSERVED: True, PLAIN: False}


class Sending(Enum):
    """How the provider sends the webhook of a verification.

    EARLY: before the answer to the creation, so that the gateway can't have written the provider's id yet. OVERTAKEN: it is held back until
    there are several of this kind; then they are sent, the newest first.
    """

    ONCE = "once"
    COPIES = "copies at once, to several gateways"
    REPEATED = "again later, as another event"
    LOST = "never sent"
    OVERTAKEN = "overtaken by later webhooks"
    EARLY = "sent before the answer to the creation"


class Kill(Enum):
    """When gateways are killed with SIGKILL.

    The first two kinds are aimed at an instant in the life of a verification. The fate of a verification plans such a kill when the verification
    begins. The kill happens at the next verification that suits it, which may be another one.
    """

    AFTER_ANSWER = "between the provider's answer and the write"
    BEFORE_APPLICATION = "between the inbox and the application"
    ANY = "at a random instant"
    ALL = "all at once, and time passes"


@dataclass(frozen=True, slots=True)
class Period:
    """A number of successive requests to the provider that all have the same fault."""

    fault: Fault
    requests: int


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one verification.

    `status`, `codes`, `documented`: the outcome that the provider decides, and whether it has data of an identity document. `refused`: the provider
    refuses the creation. `on_create`, `on_read`: the faults of the first requests that create and read it. `altered`: a copy of the webhook with a
    changed byte is sent first. `stale`: a webhook with the status `pending` follows the outcome. `visits`: the individual opens the link and comes
    back. `delay_seconds`: how long the individual takes for that, and the provider for its decision.

    `kill`, `period`: a fault of the whole system that begins with this verification.
    """

    number: int
    workspace: str
    status: Status
    codes: tuple[str, ...]
    documented: bool
    refused: bool
    sending: Sending
    on_create: tuple[Fault, ...]
    on_read: tuple[Fault, ...]
    altered: bool
    stale: bool
    visits: bool
    delay_seconds: float
    kill: Kill | None = None
    period: Period | None = None

    @property
    def name(self) -> str:
        """The name of the verification: its idempotency key, its reference, and the last name of its individual."""
        return f"Soak {self.number}"

    @property
    def by_individual(self) -> bool:
        """Whether the individual is the actor of the outcome, because all codes come from the individual's buttons or device."""
        return bool(self.codes) and BUTTONS.issuperset(self.codes)


SENDINGS = {Sending.COPIES: 0.2, Sending.REPEATED: 0.06, Sending.LOST: 0.15, Sending.OVERTAKEN: 0.15, Sending.EARLY: 0.1}
NO_FAULTS: tuple[Fault, ...] = ()
# At most one request of a verification is left unanswered by these faults. A killed gateway can add others. After three unanswered requests, the
# gateway gives up.
ON_CREATE: dict[tuple[Fault, ...], float] = {
    (Fault.SLOW,): 0.06,
    (Fault.LATE,): 0.005,
    (Fault.CUT,): 0.03,
    (Fault.ERROR,): 0.03,
    (Fault.AWAY,): 0.03,
    (Fault.LIMITED,): 0.03,
    (Fault.BAD_BODY,): 0.01,
    (Fault.LIMITED, Fault.CUT): 0.01,
    (Fault.AWAY, Fault.BAD_SHAPE): 0.01,
    (Fault.ERROR, Fault.LIMITED, Fault.SLOW): 0.01,
}
ON_READ: dict[tuple[Fault, ...], float] = {
    (Fault.SLOW,): 0.06,
    (Fault.LATE,): 0.005,
    (Fault.CUT,): 0.03,
    (Fault.ERROR,): 0.03,
    (Fault.AWAY, Fault.AWAY): 0.03,
    (Fault.LIMITED,): 0.03,
    (Fault.BAD_BODY,): 0.02,
    (Fault.BAD_SHAPE,): 0.02,
}
STATUSES = {Status.FAILED: 0.25, Status.INCONCLUSIVE: 0.2}
KILLS: dict[Kill | None, float] = {Kill.AFTER_ANSWER: 0.004, Kill.BEFORE_APPLICATION: 0.004, Kill.ANY: 0.004}
NO_KILL: Kill | None = None
NO_PERIOD: Period | None = None
# At this share of the verifications, all gateways are killed at once. Runs that are too small for one such kill leave it out. In addition, every run
# kills all gateways after the last creation.
ALL_KILLED = 0.0004
PERIODS: dict[Period | None, float] = {Period(Fault.AWAY, 10): 0.005, Period(Fault.LIMITED, 8): 0.005, Period(Fault.SLOW, 15): 0.005}
SPREAD = 0.8
# A code that the catalogue does not contain.
UNFAMILIAR = "NEW_9001"


def fates(seed: int, verifications: int) -> list[Fate]:
    """The fates of all verifications of a run, in the order in which they are created.

    Each kind of fault occurs at least once, except that a small run has no `Kill.ALL`.
    """
    chance = Random(seed)

    def deck(shares: Mapping[Card, float], rest: Card) -> list[Card]:
        return dealt(chance, verifications, shares, rest)

    kills: dict[Kill | None, float] = KILLS | ({Kill.ALL: ALL_KILLED} if ALL_KILLED * verifications >= 1 else {})
    drawn = zip(
        deck(STATUSES, Status.VERIFIED),
        deck({True: 0.01}, False),
        deck(SENDINGS, Sending.ONCE),
        deck(ON_CREATE, NO_FAULTS),
        deck(ON_READ, NO_FAULTS),
        deck({True: 0.05}, False),
        deck({True: 0.05}, False),
        deck({True: 0.35}, False),
        deck({PLAIN: 0.3}, OBSERVED),
        spread(chance, verifications, kills, NO_KILL),
        spread(chance, verifications, PERIODS, NO_PERIOD),
        strict=True,
    )
    found = []
    for number, (status, refused, sending, on_create, on_read, altered, stale, visits, workspace, kill, period) in enumerate(drawn, 1):
        codes, delay_seconds = codes_for(chance, status), chance.uniform(0, 2)
        documented = status is not Status.INCONCLUSIVE and chance.random() < 0.9
        found.append(
            Fate(
                number,
                workspace,
                status,
                codes,
                documented,
                refused,
                sending,
                on_create,
                on_read,
                altered,
                stale,
                visits,
                delay_seconds,
                kill,
                period,
            )
        )
    return found


def dealt(chance: Random, number: int, shares: Mapping[Card, float], rest: Card) -> list[Card]:
    """A shuffled deck with this number of cards. Each card in `shares` has its share of the deck, but at least one place. The others are `rest`."""
    cards = chosen(shares, number)
    cards += [rest] * (number - len(cards))
    chance.shuffle(cards)
    return cards[:number]


def spread(chance: Random, number: int, shares: Mapping[Card, float], rest: Card) -> list[Card]:
    """Like `dealt`, but the cards in `shares` have about equal distances, and none is among the last fifth.

    A fault that began there might find too few later requests to happen.
    """
    cards, found = chosen(shares, number), [rest] * number
    chance.shuffle(cards)
    distance = number * SPREAD / max(1, len(cards))
    for place, card in enumerate(cards):
        found[int(distance * (place + chance.uniform(0.2, 0.8)))] = card
    return found


def chosen(shares: Mapping[Card, float], number: int) -> list[Card]:
    """Each card in `shares` as often as its share of a deck of `number` cards demands, and at least once. In the order of `shares`."""
    return [card for card, share in shares.items() for _ in range(max(1, round(share * number)))]


def codes_for(chance: Random, status: Status) -> tuple[str, ...]:
    """Random reason codes that are allowed with this status, without repetitions."""
    if status is Status.VERIFIED:
        return ()
    allowed = [*(code for code, reason in CATALOGUE.items() if status in reason.statuses), UNFAMILIAR]
    return tuple(chance.sample(allowed, chance.choice((1, 1, 2))))
