"""Tests of the MongoDB conditions of filters: a query finds exactly the verifications that `Filter.matches` accepts."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.filter import Filter
from domain.reasons import CATALOGUE, ReasonType
from domain.status import Phase, Status
from domain.verification import Verification
from store.driver import Document
from store.query import ever_matching, matching, of_types, selecting, within
from store.verifications import Store
from tests.clock import Clock
from tests.crowds import a_crowd, filters_over, insert
from tests.factories import VERIFIED_RESULT, a_final_verification, a_verification, later
from tests.histories import lives
from tests.storing import another_database, decode, encode, storing

SCOPE: Document = {"workspace": "acme"}


def test_no_condition_can_widen_the_scope() -> None:
    condition: Document = {"workspace": "other", "$or": [{}]}

    assert within({"workspace": "acme"}, [condition]) == {"$and": [{"workspace": "acme"}, condition]}


def test_a_filter_without_conditions_matches_everything() -> None:
    assert matching(Filter()) == []


def test_codes_of_a_type_are_those_of_the_catalogue() -> None:
    codes = of_types((ReasonType.DOCUMENT_ISSUE,))["$in"]

    assert codes
    assert {CATALOGUE[code].type for code in codes} == {ReasonType.DOCUMENT_ISSUE}


def test_the_type_unknown_excludes_the_codes_of_the_catalogue() -> None:
    condition = of_types((ReasonType.UNKNOWN,))["$elemMatch"]

    assert set(condition["$nin"]) == {code for code, reason in CATALOGUE.items() if reason.type is not ReasonType.UNKNOWN}


@pytest.mark.parametrize(
    "filter",
    [
        Filter(),
        Filter(statuses=(Status.PENDING, Status.FAILED)),
        Filter(statuses=()),
        Filter(reason_codes=("IDVV_2101", "NEW")),
        Filter(reason_types=(ReasonType.DOCUMENT_ISSUE,)),
        Filter(reason_types=(ReasonType.UNKNOWN,)),
        Filter(reason_types=(ReasonType.UNKNOWN, ReasonType.DOCUMENT_ISSUE)),
        Filter(reference="order-1"),
        Filter(created_from=later(minutes=2), created_before=later(minutes=4)),
        Filter(first_attempts_only=True),
        Filter(updated_from=later(minutes=2), updated_before=later(minutes=4)),
        Filter(updated_from=later(minutes=2, microseconds=1)),
        Filter(completed_from=later(minutes=2), completed_before=later(minutes=4)),
        Filter(completed_before=later(minutes=4, microseconds=1)),
        *(Filter(phases=phases) for size in range(len(Phase) + 1) for phases in combinations(Phase, size)),
        Filter(phases=(Phase.PROCESSING, Phase.DONE), statuses=(Status.PENDING,)),
        Filter(has_ignored_results=True),
        Filter(has_ignored_results=False),
        Filter(provider_id=""),
        Filter(provider_id="unknown"),
        Filter(reference="order-1", or_erased_reference=True),
        Filter(statuses=(Status.FAILED,), reference="order-2", first_attempts_only=True),
    ],
    ids=str,
)
async def test_mongodb_finds_the_verifications_that_match_a_filter(store: Store, filter: Filter) -> None:
    crowd = await insert(store, a_crowd(60, random.Random(31)))

    for query in (within(SCOPE, matching(filter)), selecting(SCOPE, filter)):
        assert await found(store, query) == {verification.id for verification in crowd if filter.matches(verification)}


async def found(store: Store, query: Document) -> set[str]:
    """The ids of the documents that MongoDB finds."""
    return {document["_id"] for document in await store.collection.find(query, {"_id": 1}).to_list(None)}


@pytest.fixture(scope="module")
async def shared(mongo_uri: str) -> AsyncIterator[Store]:
    """A store that all examples share. Each example uses its own workspace."""
    async with storing(another_database(mongo_uri), Clock()) as store:
        yield store


sampled_instants = st.builds(lambda minutes, microseconds: later(minutes=minutes, microseconds=microseconds), st.integers(0, 3), st.integers(0, 1001))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(histories=st.lists(lives(), min_size=1, max_size=10), filter=filters_over(sampled_instants), by_id=st.booleans(), erased=st.booleans())
async def test_mongodb_and_the_filter_agree_over_random_histories(
    shared: Store, histories: list[list[Verification]], filter: Filter, by_id: bool, erased: bool
) -> None:
    crowd = [replace(states[-1], workspace=f"workspace-{uuid4().hex}") for states in histories]
    crowd = [replace(each, workspace=crowd[0].workspace, reference=None if erased and each.anonymized_at else each.reference) for each in crowd]
    await shared.collection.insert_many([encode(verification) for verification in crowd])
    filter = replace(filter, provider_id=crowd[0].provider.id if by_id else None, or_erased_reference=erased)

    assert await found(shared, selecting({"workspace": crowd[0].workspace}, filter)) == {each.id for each in crowd if filter.matches(each)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(histories=st.lists(lives(), min_size=1, max_size=10), filter=filters_over(sampled_instants))
async def test_a_resumed_feed_finds_all_verifications_that_ever_matched(shared: Store, histories: list[list[Verification]], filter: Filter) -> None:
    scope: Document = {"workspace": f"workspace-{uuid4().hex}"}
    crowd = [replace(states[-1], workspace=scope["workspace"]) for states in histories]
    await shared.collection.insert_many([encode(verification) for verification in crowd])

    among = await found(shared, within(scope, [*matching(filter.lasting), *ever_matching(filter)]))

    assert among >= {each.id for each in crowd if filter.concerns(each, 0)}


async def test_a_resumed_feed_does_not_read_verifications_that_never_matched(store: Store) -> None:
    failed = a_final_verification().concluded(VERIFIED_RESULT, later(days=1))
    await insert(store, [failed, a_verification()])
    statuses, codes, ignored = Filter(statuses=(Status.FAILED,)), Filter(reason_codes=failed.reasons), Filter(has_ignored_results=True)

    for filter in (statuses, codes, ignored):
        assert await found(store, within(SCOPE, ever_matching(filter))) == {failed.id}
    assert ever_matching(Filter(statuses=(Status.PENDING,))) == []


@pytest.mark.parametrize("damage", [{"completedAt": "soon"}, {"openedAt": 7}, {"captureStartedAt": "x"}, {"captureCompletedAt": False}], ids=str)
async def test_mongodb_and_the_filter_agree_on_damaged_instants(store: Store, damage: Document) -> None:
    documents = [encode(each) | damage for each in (a_verification(), a_final_verification())]
    await store.collection.insert_many(documents)
    filters = [*(Filter(phases=(phase,)) for phase in Phase), Filter(completed_from=later(days=-1)), Filter(completed_before=later(days=1))]

    for filter in filters:
        assert await found(store, selecting(SCOPE, filter)) == {document["_id"] for document in documents if filter.matches(decode(document))}


@pytest.mark.parametrize("bound", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
async def test_the_most_distant_instants_are_valid_bounds(store: Store, bound: datetime) -> None:
    [verification] = await insert(store, [a_final_verification()])

    for filter in (Filter(completed_before=bound), Filter(updated_from=bound), Filter(created_before=bound)):
        assert await found(store, selecting(SCOPE, filter)) == ({verification.id} if filter.matches(verification) else set())


def test_several_phases_are_alternatives_of_the_whole_query() -> None:
    filter = Filter(phases=(Phase.IN_SESSION, Phase.PROCESSING), reference="order-1")

    alternatives = selecting(SCOPE, filter, [{"createdAt": {"$lt": later()}}])["$or"]

    assert len(alternatives) == 2
    for alternative in alternatives:
        assert alternative["$and"][0] == SCOPE
        assert {"reference": "order-1"} in alternative["$and"]
        assert {"createdAt": {"$lt": later()}} in alternative["$and"]
