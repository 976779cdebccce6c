"""Documents by chance: of hypothesis-graphql, and wilder ones, each written down in many ways."""

from collections.abc import Iterator
from random import Random
from typing import Any

from graphql import GraphQLError, OperationType, parse, validate
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis_graphql import mutations, queries

from tests.comparison.documents import Rewriting, Written
from tests.comparison.literals import Inputs
from tests.comparison.operations import Plain, plain_operations
from tests.comparison.subjects import Subject

# To make a document takes hypothesis long; to write it down in another way doesn't.
WAYS_OF_EACH = 4
BATCH = 60


def made(strategy: st.SearchStrategy[str], number: int, start: int) -> list[str]:
    """So many documents, the same ones for the same start."""
    documents: list[str] = []

    @seed(start)
    @settings(max_examples=number, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(document: str) -> None:
        documents.append(document)

    collect()
    return documents


def of_hypothesis(subject: Subject, start: int, number: int) -> list[str]:
    """Plain documents of hypothesis-graphql."""
    options: dict[str, Any] = {"custom_scalars": subject.scalars}
    changing = number // 4 if OperationType.MUTATION in subject.types else 0
    documents = made(queries(subject.schema, **options), number - changing, start)
    return documents + (made(mutations(subject.schema, **options), changing, start) if changing else [])


def plain(subject: Subject, start: int, share: float) -> Iterator[str]:
    """Plain documents without end, this share of them from hypothesis-graphql."""
    random = Random(start)
    while True:
        documents = of_hypothesis(subject, random.randrange(2**32), int(BATCH * share)) if share else []
        wilder = Plain(subject.schema, Inputs(random, known=subject.known))
        documents += [wilder.operation(random.choice(subject.types)) for _ in range(BATCH - len(documents))]
        random.shuffle(documents)
        yield from documents


def documents(subject: Subject, start: int, share: float = 0.25) -> Iterator[Written]:
    """Valid documents without end."""
    inputs = Inputs(Random(f"{start} written down"), known=subject.known)
    for text in plain(subject, start, share):
        [operation] = plain_operations(text)
        for _ in range(WAYS_OF_EACH):
            written = Rewriting(subject.schema, inputs).rewritten(operation)
            if not valid(subject, written.text):
                # Most often it's the plain one already, and all others would be invalid too.
                break
            yield written


def valid(subject: Subject, text: str) -> bool:
    """Whether a document may be executed."""
    try:
        return not validate(subject.schema, parse(text), max_errors=1)
    except GraphQLError:
        return False
