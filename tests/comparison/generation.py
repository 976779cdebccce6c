"""Generates random operation documents: plain ones by hypothesis-graphql and by `operations.py`, each rewritten in several forms."""

from collections.abc import Iterator
from random import Random
from typing import Any

from graphql import GraphQLError, OperationType, parse, validate
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis_graphql import mutations, queries

from tests.comparison.documents import OperationDocument, Rewriter
from tests.comparison.literals import Inputs
from tests.comparison.operations import Plain, plain_operations
from tests.comparison.subjects import Subject

# Hypothesis takes long to make a document; rewriting it in another form is fast.
FORMS_OF_EACH = 4
BATCH = 60


def examples(strategy: st.SearchStrategy[str], number: int, start: int) -> list[str]:
    """This number of documents. The same start makes the same documents."""
    documents: list[str] = []

    @seed(start)
    @settings(max_examples=number, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(document: str) -> None:
        documents.append(document)

    collect()
    return documents


def hypothesis_documents(subject: Subject, start: int, number: int) -> list[str]:
    """Plain documents by hypothesis-graphql."""
    options: dict[str, Any] = {"custom_scalars": subject.scalars}
    changing = number // 4 if OperationType.MUTATION in subject.types else 0
    documents = examples(queries(subject.schema, **options), number - changing, start)
    return documents + (examples(mutations(subject.schema, **options), changing, start) if changing else [])


def plain(subject: Subject, start: int, share: float) -> Iterator[str]:
    """An endless stream of plain documents, this share of them by hypothesis-graphql."""
    random = Random(start)
    while True:
        documents = hypothesis_documents(subject, random.randrange(2**32), int(BATCH * share)) if share else []
        own_operations = Plain(subject.schema, Inputs(random, samples=subject.samples))
        documents += [own_operations.operation(random.choice(subject.types)) for _ in range(BATCH - len(documents))]
        random.shuffle(documents)
        yield from documents


def documents(subject: Subject, start: int, share: float = 0.25) -> Iterator[OperationDocument]:
    """An endless stream of valid operation documents."""
    inputs = Inputs(Random(f"{start} written down"), samples=subject.samples)
    for text in plain(subject, start, share):
        [operation] = plain_operations(text)
        for _ in range(FORMS_OF_EACH):
            generated = Rewriter(subject.schema, inputs).rewritten(operation)
            if not valid(subject, generated.text):
                # Mostly the plain document itself is invalid, so that its other forms would be invalid too.
                break
            yield generated


def valid(subject: Subject, text: str) -> bool:
    """Whether a document is valid."""
    try:
        return not validate(subject.schema, parse(text), max_errors=1)
    except GraphQLError:
        return False
