"""Tests of the MongoDB conditions of filters: a query finds exactly the verifications that `Filter.matches` accepts."""

import random

import pytest

from domain.filter import Filter
from domain.reasons import CATALOGUE, ReasonType
from domain.status import Status
from store.driver import Document
from store.query import matching, of_types, within
from store.verifications import Store
from tests.crowds import a_crowd, insert
from tests.factories import later


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
        Filter(statuses=(Status.FAILED,), reference="order-2", first_attempts_only=True),
    ],
    ids=str,
)
async def test_mongodb_finds_the_verifications_that_match_a_filter(store: Store, filter: Filter) -> None:
    crowd = await insert(store, a_crowd(60, random.Random(31)))

    found = await store.collection.find(within({"workspace": "acme"}, matching(filter)), {"_id": 1}).to_list(None)

    assert {document["_id"] for document in found} == {verification.id for verification in crowd if filter.matches(verification)}
