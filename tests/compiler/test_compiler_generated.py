"""Operations that nobody thought of, answered by the compiled executor as by graphql-core. At length: make compare."""

from typing import Any

import pytest
from pymongo import MongoClient

from tests.comparison.comparison import Verdict
from tests.comparison.executors import Compiled
from tests.comparison.own import places
from tests.comparison.run import Tally, compare, trials
from tests.comparison.subjects import Subject, subjects

SEED = 7
NASTY, RAW, OWN = 450, 350, 250


def check(tally: Tally, operations: int) -> None:
    """That there was no difference, and enough to differ in."""
    tally.differences.sort(key=lambda difference: len(difference.written.text))
    assert not tally.differences, f"{len(tally.differences)} of {tally}\n{tally.differences[0]}"
    assert tally.operations == operations
    # Whatever is left to graphql-core is so for a reason, and little is.
    assert "it could not be compiled" not in tally.refused
    assert sum(tally.refused.values()) < tally.operations // 5
    assert tally.verdicts[Verdict.EQUAL] > 10 * tally.verdicts[Verdict.RACED]


@pytest.mark.parametrize(("subject", "operations"), list(zip(subjects(), (NASTY, RAW), strict=True)), ids=["nasty", "raw"])
@pytest.mark.parametrize("dates_left_to_orjson", [False, True], ids=["dates as text", "dates left to orjson"])
async def test_schemas_made_to_be_nasty_are_answered_as_by_graphql_core(subject: Subject, operations: int, dates_left_to_orjson: bool) -> None:
    asked = trials(subject, operations // 2, SEED + dates_left_to_orjson)

    tally = await compare(subject, asked, Compiled(subject.schema, dates_left_to_orjson=dates_left_to_orjson))

    check(tally, operations // 2)


async def test_our_own_schema_is_answered_as_by_graphql_core(mongo_uri: str, mongo: MongoClient[dict[str, Any]]) -> None:
    async with places(mongo_uri, mongo) as both:
        subject = both.subject

        tally = await compare(subject, trials(subject, OWN, SEED), Compiled(subject.schema, dates_left_to_orjson=True))

        check(tally, OWN)
        assert await both.held(first=True) == await both.held(first=False)
