"""Generates random operation documents. Plain operations are made by hypothesis-graphql and by `operations.py`, then rewritten in several forms."""

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

# Into how many documents each plain operation is rewritten. Rewriting is fast, while Hypothesis takes long to make an operation.
FORMS_OF_EACH = 4
# How many documents of plain operations are made at once, and then shuffled.
BATCH = 60


def examples(strategy: st.SearchStrategy[str], number: int, start: int) -> list[str]:
    """Take `number` documents from a strategy of Hypothesis. `start` is the seed: the same seed makes the same documents."""
    documents: list[str] = []

    @seed(start)
    @settings(max_examples=number, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(document: str) -> None:
        documents.append(document)

    collect()
    return documents


def hypothesis_documents(subject: Subject, start: int, number: int) -> list[str]:
    """Make `number` documents with plain operations by hypothesis-graphql. `start` is the seed.

    A quarter of the operations are mutations, if the schema is tested with mutations.
    """
    options: dict[str, Any] = {"custom_scalars": subject.scalars}
    changing = number // 4 if OperationType.MUTATION in subject.types else 0
    documents = examples(queries(subject.schema, **options), number - changing, start)
    return documents + (examples(mutations(subject.schema, **options), changing, start) if changing else [])


def plain(subject: Subject, start: int, share: float) -> Iterator[str]:
    """An endless stream of documents with plain operations (see tests/comparison/README.md).

    hypothesis-graphql makes `share` of them, a number from 0 to 1, and `operations.py` makes the others. `start` is the seed.
    """
    random = Random(start)
    while True:
        documents = hypothesis_documents(subject, random.randrange(2**32), int(BATCH * share)) if share else []
        own_operations = Plain(subject.schema, Inputs(random, samples=subject.samples))
        documents += [own_operations.operation(random.choice(subject.types)) for _ in range(BATCH - len(documents))]
        random.shuffle(documents)
        yield from documents


def documents(subject: Subject, start: int, share: float = 0.25) -> Iterator[OperationDocument]:
    """An endless stream of valid operation documents, rewritten from plain ones. `start` is the seed.

    `share`: the part of the plain documents that hypothesis-graphql makes, from 0 to 1.
    """
    inputs = Inputs(Random(f"{start} written down"), samples=subject.samples)
    for text in plain(subject, start, share):
        [operation] = plain_operations(text)
        for _ in range(FORMS_OF_EACH):
            generated = Rewriter(subject.schema, inputs).rewritten(operation)
            if not valid(subject, generated.text):
                # If a form is invalid, the plain document itself is usually invalid. Then its other forms would be invalid too, so they are skipped.
                break
            yield generated


def valid(subject: Subject, text: str) -> bool:
    """Whether an operation document can be parsed and is valid."""
    try:
        return not validate(subject.schema, parse(text), max_errors=1)
    except GraphQLError:
        return False
