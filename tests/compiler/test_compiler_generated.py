"""The compiled executor gives the same results as graphql-core for random operations. `make compare` executes more of them."""

from typing import Any

import pytest
from pymongo import MongoClient

from compiler.checks import NO_SERIALIZERS
from tests.comparison.comparison import Verdict
from tests.comparison.executors import Compiled, direct_serializers
from tests.comparison.own import two_databases
from tests.comparison.run import Tally, compare, trials
from tests.comparison.subjects import Subject, subjects

SEED = 7
# The number of operations for each schema. For the schemas, see tests/comparison/README.md.
NASTY, RAW, OWN = 450, 350, 250


def check(tally: Tally, operations: int) -> None:
    """Assert that there was no difference, that most operations were compiled, and that nearly all results were equal in full."""
    tally.differences.sort(key=lambda difference: len(difference.generated.text))
    assert not tally.differences, f"{len(tally.differences)} of {tally}\n{tally.differences[0]}"
    assert tally.operations == operations
    # The compiler leaves some executions to graphql-core, each for a reason. The reason must never be that the compilation raised an exception ("it
    # could not be compiled"). All other reasons together must concern less than a fifth of the executions.
    assert "it could not be compiled" not in tally.refused
    assert sum(tally.refused.values()) < tally.operations // 5
    assert tally.verdicts[Verdict.EQUAL] > 10 * tally.verdicts[Verdict.RACED]


@pytest.mark.parametrize(("subject", "operations"), list(zip(subjects(), (NASTY, RAW), strict=True)), ids=["nasty", "raw"])
@pytest.mark.parametrize("direct", [False, True], ids=["instants completed by positions", "instants serialized directly"])
async def test_the_nasty_and_the_raw_schema_have_the_results_of_graphql_core(subject: Subject, operations: int, direct: bool) -> None:
    generated = trials(subject, operations // 2, SEED + direct)

    tally = await compare(subject, generated, Compiled(subject.schema, serializers=direct_serializers(subject.schema) if direct else NO_SERIALIZERS))

    check(tally, operations // 2)


async def test_the_gateways_schema_has_the_results_of_graphql_core(mongo_uri: str, mongo: MongoClient[dict[str, Any]]) -> None:
    async with two_databases(mongo_uri, mongo) as databases:
        subject = databases.subject

        tally = await compare(subject, trials(subject, OWN, SEED), Compiled(subject.schema, serializers=direct_serializers(subject.schema)))

        check(tally, OWN)
        assert await databases.content(first=True) == await databases.content(first=False)
