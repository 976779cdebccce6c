"""Random sets of verifications (crowds) and random filters, for tests of lists."""

import random
from datetime import datetime, timedelta
from typing import TypeVar

from hypothesis import strategies as st

from domain.event import Progress
from domain.filter import Filter, Order
from domain.reasons import ReasonType
from domain.result import Result
from domain.status import Phase, Status
from domain.verification import Verification
from store.pages import SORTED_BY
from store.verifications import Store
from tests.factories import INCONCLUSIVE_RESULT, WINDOWS, a_verification, later, retried
from tests.histories import codes_of
from tests.storing import encode

T = TypeVar("T")

CODES = ("IDVV_1201", "IDVV_2101", "IDVV_2301", "IDVV_1314", "NEW", "IDVV_0000")
REFERENCES = ("order-1", "order-2", "order-unknown")
MINUTES = 6


def rarely(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """A Hypothesis strategy that uses `strategy` in a quarter of the examples, otherwise None.

    With it, a random filter has only some conditions. A filter with all conditions at once would match nothing.
    """
    return st.sampled_from([True, False, False, False]).flatmap(lambda chosen: strategy if chosen else st.none())


def filters_over(instants: st.SearchStrategy[datetime]) -> st.SearchStrategy[Filter]:
    """Random filters whose periods begin and end at these instants. Each filter has few conditions."""
    return st.builds(
        Filter,
        statuses=rarely(st.lists(st.sampled_from(Status), max_size=3).map(tuple)),
        reason_codes=rarely(st.lists(st.sampled_from(CODES), max_size=3).map(tuple)),
        reason_types=rarely(st.lists(st.sampled_from(ReasonType), max_size=3).map(tuple)),
        reference=rarely(st.sampled_from(REFERENCES)),
        created_from=rarely(instants),
        created_before=rarely(instants),
        first_attempts_only=st.sampled_from([False, False, True]),
        updated_from=rarely(instants),
        updated_before=rarely(instants),
        completed_from=rarely(instants),
        completed_before=rarely(instants),
        phases=rarely(st.lists(st.sampled_from(Phase), max_size=4).map(tuple)),
        has_ignored_results=rarely(st.booleans()),
    )


# The instants at which periods of filters begin and end. Stored instants have whole milliseconds. Some of these instants have a microsecond more, to
# show that MongoDB and `Filter.matches` treat such an instant in the same way.
instants = st.builds(
    lambda minutes, microseconds: later(minutes=minutes, microseconds=microseconds), st.integers(-1, MINUTES + 1), st.sampled_from([0, 1])
)
filters = filters_over(instants)


def a_crowd(size: int, chance: random.Random, workspace: str = "acme", minutes: float = MINUTES) -> list[Verification]:
    """Random verifications of all statuses. Many of them were created at the same instants, and some are retries."""
    crowd: list[Verification] = []
    while len(crowd) < size:
        at = later(minutes=chance.randrange(int(minutes)))
        verification = a_verification(workspace=workspace, at=at, reference=chance.choice([*REFERENCES[:2], None]))
        if chance.random() < 0.2:
            before, verification = retried(verification.concluded(INCONCLUSIVE_RESULT, at), at)
            crowd.append(before)
        for step in [*Progress][: chance.randrange(4)]:
            verification = verification.progressed(step, WINDOWS, at + timedelta(minutes=chance.randrange(2)))
        status = chance.choice([*Status])
        if status.final:
            codes = [] if status is Status.VERIFIED else chance.sample([code for code in CODES if code in codes_of(status)], 2)
            verification = verification.concluded(Result.reported(status, codes), at + timedelta(minutes=chance.randrange(3)))
            if chance.random() < 0.2:
                verification = verification.concluded(Result.reported(Status.FAILED, ["IDVV_2202"]), at + timedelta(minutes=3))
        crowd.append(verification)
    return crowd


def listed(crowd: list[Verification], filter: Filter, order: Order) -> list[Verification]:
    """The verifications that match the filter, in this order: the expected list."""
    key, direction = SORTED_BY[order]
    matching = [verification for verification in crowd if filter.matches(verification)]
    return sorted(matching, key=lambda it: (it.created_at if key == "createdAt" else it.updated_at, it.id), reverse=direction < 0)


async def insert(store: Store, crowd: list[Verification]) -> list[Verification]:
    """Insert the verifications into MongoDB in random order. Returns them in the original order."""
    await store.collection.insert_many([encode(verification) for verification in random.Random(1).sample(crowd, len(crowd))])
    return crowd
