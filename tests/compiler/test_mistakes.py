"""Tests that the comparison in tests/comparison finds every deliberate mistake, both in graphql-core and in the compiled executor."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import pytest
from graphql import GraphQLFloat, GraphQLInt

from compiler import Guard, Plans, arguments, calls, checks, run, source, variables
from compiler.run import Spot
from tests.comparison.documents import OperationDocument
from tests.comparison.executors import Compiled, MakeExecutor, Prepare
from tests.comparison.mistakes import MISTAKES
from tests.comparison.run import compare, trials
from tests.comparison.subjects import Start, Subject, subjects

SEED, OPERATIONS, AT_ONCE = 11, 600, 25

Batch = tuple[Subject, list[tuple[OperationDocument, list[Start]]]]


class Batches:
    """Batches of random operations, of several schemas in turn. Each batch is generated when it is first needed, and then kept for other tests."""

    def __init__(self) -> None:
        self._made: list[Batch] = []
        self._more = self._generate()

    def __iter__(self) -> Iterator[Batch]:
        yield from self._made
        for batch in self._more:
            self._made.append(batch)
            yield batch

    def _generate(self) -> Iterator[Batch]:
        each = [(subject, trials(subject, OPERATIONS, SEED)) for subject in subjects()]
        for _ in range(0, OPERATIONS, AT_ONCE):
            for subject, operations in each:
                yield subject, list(islice(operations, AT_ONCE))


@pytest.fixture(scope="module")
def batches() -> Batches:
    """The batches of operations that all tests share, because generating them is slow."""
    return Batches()


async def finds_difference(batches: Iterable[Batch], make_executor: MakeExecutor) -> bool:
    """Whether the comparison finds a difference between graphql-core and this executor. Stops at the first difference."""
    prepared: dict[Subject, Prepare] = {}
    for subject, batch in batches:
        tally = await compare(subject, batch, prepared.setdefault(subject, make_executor(subject.schema)), max_differences=1)
        if tally.differences:
            return True
    return False


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_the_comparison_finds_a_mistake_in_a_changed_graphql_core(mistake: str, batches: Batches) -> None:
    assert await finds_difference(batches, MISTAKES[mistake])


def shares_literals(patch: pytest.MonkeyPatch) -> None:
    """A deliberate mistake: all requests share the list and object literals of the document, which a resolver may have changed."""
    patch.setattr(arguments, "UNCHANGING", (*arguments.UNCHANGING, list, dict))


def trusts_variables(patch: pytest.MonkeyPatch) -> None:
    """A deliberate mistake: accepts numbers of any size in variables."""
    patch.setattr(variables, "fits", lambda value, plain: True)


def forgets_guards(patch: pytest.MonkeyPatch) -> None:
    """A deliberate mistake: leaves out all guards."""

    def inner(resolve: Any, variant: object) -> Any:
        return inner(resolve.inner, variant) if isinstance(resolve, Guard) else resolve

    patch.setattr(calls, "unguarded", inner)


def forgets_variants(patch: pytest.MonkeyPatch) -> None:
    """A deliberate mistake: uses the plan of the first caller's variant for all callers."""
    plan, first_variants = Plans.plan, dict[Plans, Any]()
    patch.setattr(Plans, "plan", lambda self, values, variant=None: plan(self, values, first_variants.setdefault(self, variant)))


def forgets_conditions(patch: pytest.MonkeyPatch) -> None:
    """A deliberate mistake: uses the plan for the first values of `@skip` and `@include` for all values."""
    plan, first_plans = Plans.plan, dict[Any, Any]()
    patch.setattr(Plans, "plan", lambda self, values, variant=None: first_plans.setdefault((self, variant), plan(self, values, variant)))


def trusts_numbers(patch: pytest.MonkeyPatch) -> None:
    """A deliberate mistake: accepts integers of more than 32 bits at a field of the type Int."""
    patch.setitem(checks.QUICK, GraphQLInt.coerce_output_value, "{0}.__class__ is int")


def trusts_floats(patch: pytest.MonkeyPatch) -> None:
    """A deliberate mistake: accepts NaN and infinity at a field of the type Float."""
    patch.setitem(checks.QUICK, GraphQLFloat.coerce_output_value, "{0}.__class__ is float")


def stops_nulls(patch: pytest.MonkeyPatch) -> None:
    """A deliberate mistake: if an awaited value fails, one level fewer becomes null than should."""
    begin = Spot.__init__

    def below(self: Spot, *arguments: Any) -> None:
        begin(self, *arguments)
        self.levels = self.levels and self.levels - 1

    patch.setattr(Spot, "__init__", below)


def loses_places(patch: pytest.MonkeyPatch) -> None:
    """A deliberate mistake: reports all errors in lists with the index 0."""
    whole = run.keys_of
    patch.setattr(run, "keys_of", lambda place: [0 if isinstance(key, int) else key for key in whole(place)])


def mixes_up_constants(patch: pytest.MonkeyPatch) -> None:
    """A deliberate mistake: caches completed objects by their class. So all objects of a class get the cached result of the first one."""
    whole = source.cached_by_key
    patch.setattr(source, "cached_by_key", lambda function, attribute, lines, answer: whole(function, "__class__", lines, answer))


# Each of these functions patches one deliberate mistake into the compiler. The comparison must find it.
PLANTED = (
    shares_literals,
    trusts_variables,
    forgets_guards,
    forgets_variants,
    forgets_conditions,
    trusts_numbers,
    trusts_floats,
    stops_nulls,
    loses_places,
    mixes_up_constants,
)


@pytest.mark.parametrize("plant", PLANTED)
async def test_the_comparison_finds_a_mistake_in_the_compiled_executor(plant: Callable[[pytest.MonkeyPatch], None], batches: Batches) -> None:
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)

        assert await finds_difference(batches, Compiled)


async def test_the_comparison_finds_no_difference_without_a_mistake(batches: Batches) -> None:
    assert not await finds_difference(islice(batches, 6), Compiled)
