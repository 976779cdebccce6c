"""The comparison sees each mistake that is planted: into graphql-core's executor, around it, and into the compiled one."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import pytest
from graphql import GraphQLFloat, GraphQLInt, GraphQLSchema

from compiler import Guard, Plans, arguments, calls, checks, run, source, variables
from compiler.run import Spot
from tests.comparison.documents import Written
from tests.comparison.executors import Compiled, Prepare
from tests.comparison.mistakes import MISTAKES
from tests.comparison.run import compare, trials
from tests.comparison.subjects import Start, Subject, subjects

SEED, OPERATIONS, AT_ONCE = 11, 600, 25

Some = tuple[Subject, list[tuple[Written, list[Start]]]]


class Asked:
    """Operations of several schemas, a few of each at a time, made when they are needed for the first time."""

    def __init__(self) -> None:
        self._made: list[Some] = []
        self._others = self._more()

    def __iter__(self) -> Iterator[Some]:
        yield from self._made
        for some in self._others:
            self._made.append(some)
            yield some

    def _more(self) -> Iterator[Some]:
        each = [(subject, trials(subject, OPERATIONS, SEED)) for subject in subjects()]
        for _ in range(0, OPERATIONS, AT_ONCE):
            for subject, operations in each:
                yield subject, list(islice(operations, AT_ONCE))


@pytest.fixture(scope="module")
def asked() -> Asked:
    """The same for all tests."""
    return Asked()


async def found(asked: Iterable[Some], way: Callable[[GraphQLSchema], Prepare]) -> bool:
    """Whether a way to execute is seen to be wrong."""
    prepared: dict[Subject, Prepare] = {}
    for subject, some in asked:
        tally = await compare(subject, some, prepared.setdefault(subject, way(subject.schema)), most=1)
        if tally.differences:
            return True
    return False


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_is_seen(mistake: str, asked: Asked) -> None:
    assert await found(asked, MISTAKES[mistake])


def shares_literals(patch: pytest.MonkeyPatch) -> None:
    """Lists and objects that stand in the document are made once."""
    patch.setattr(arguments, "UNCHANGING", (*arguments.UNCHANGING, list, dict))


def trusts_variables(patch: pytest.MonkeyPatch) -> None:
    """Numbers in variables are of any size."""
    patch.setattr(variables, "fits", lambda value, plain: True)


def forgets_guards(patch: pytest.MonkeyPatch) -> None:
    """Nobody is asked what they may."""

    def inner(resolve: Any, variant: object) -> Any:
        return inner(resolve.inner, variant) if isinstance(resolve, Guard) else resolve

    patch.setattr(calls, "unguarded", inner)


def forgets_variants(patch: pytest.MonkeyPatch) -> None:
    """The plan that was made first is everybody's."""
    plan, kept = Plans.plan, dict[Plans, Any]()
    patch.setattr(Plans, "plan", lambda self, values, variant=None: plan(self, values, kept.setdefault(self, variant)))


def forgets_conditions(patch: pytest.MonkeyPatch) -> None:
    """The plan that was made first is there for all conditions."""
    plan, kept = Plans.plan, dict[Any, Any]()
    patch.setattr(Plans, "plan", lambda self, values, variant=None: kept.setdefault((self, variant), plan(self, values, variant)))


def trusts_numbers(patch: pytest.MonkeyPatch) -> None:
    """Whole numbers that are answered are of any size."""
    patch.setitem(checks.QUICK, GraphQLInt.coerce_output_value, "{0}.__class__ is int")


def trusts_floats(patch: pytest.MonkeyPatch) -> None:
    """What is no number is written as one."""
    patch.setitem(checks.QUICK, GraphQLFloat.coerce_output_value, "{0}.__class__ is float")


def stops_nulls(patch: pytest.MonkeyPatch) -> None:
    """The null of what was waited for stops below where it has to."""
    begin = Spot.__init__

    def below(self: Spot, *arguments: Any) -> None:
        begin(self, *arguments)
        self.levels = self.levels and self.levels - 1

    patch.setattr(Spot, "__init__", below)


def loses_places(patch: pytest.MonkeyPatch) -> None:
    """Errors tell of the first item, whichever it was."""
    whole = run.listed
    patch.setattr(run, "listed", lambda place: [0 if isinstance(key, int) else key for key in whole(place)])


def mixes_up_constants(patch: pytest.MonkeyPatch) -> None:
    """What is always answered alike is the same for all of a class."""
    whole = source.remembering
    patch.setattr(source, "remembering", lambda function, attribute, lines, answer: whole(function, "__class__", lines, answer))


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
async def test_a_mistake_in_the_compiled_executor_is_seen(plant: Callable[[pytest.MonkeyPatch], None], asked: Asked) -> None:
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)

        assert await found(asked, Compiled)


async def test_without_a_mistake_none_is_seen(asked: Asked) -> None:
    assert not await found(islice(asked, 6), Compiled)
