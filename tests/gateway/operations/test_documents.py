"""Which operation documents are kept, so that they are looked at once."""

import pytest

from gateway.errors import RequestRefused
from gateway.operations.documents import KEPT_CHARACTERS, Documents
from gateway.operations.operation_request import OperationRequest
from schema.build import build, executable

LENGTH = 16_000


@pytest.fixture
def documents() -> Documents:
    """The documents of the schema."""
    return Documents(executable(build()), introspection=False)


def asked(documents: Documents, query: str) -> str:
    """The same query, looked at."""
    documents.operation(OperationRequest(query), "request")
    return query


def kept(documents: Documents, query: str) -> bool:
    return documents.effort(OperationRequest(query)) == 0


def long(number: int) -> str:
    return f"{{ a{number}: me {{ subject }} }}".ljust(LENGTH)


def test_a_document_is_looked_at_once(documents: Documents) -> None:
    assert not kept(documents, long(1))
    assert kept(documents, asked(documents, long(1)))
    assert not kept(documents, long(2))


@pytest.mark.parametrize(
    "query", ["{", "{ nothing }", "{ me { subject } } fragment F on Query { me { subject } }", "{ me {" + " subject" * 100 + "} }"]
)
def test_what_is_refused_is_not_kept(documents: Documents, query: str) -> None:
    with pytest.raises(RequestRefused):
        asked(documents, query.ljust(LENGTH))

    assert not kept(documents, query.ljust(LENGTH))


def test_those_used_least_recently_are_forgotten(documents: Documents) -> None:
    most = KEPT_CHARACTERS // LENGTH
    queries = [asked(documents, long(number)) for number in range(most)]
    asked(documents, queries[0])

    asked(documents, long(most))

    assert [kept(documents, query) for query in queries] == [True, False] + [True] * (most - 2)


def test_to_look_at_a_longer_one_costs_more_up_to_where_it_is_not_looked_at(documents: Documents) -> None:
    lengths = (0, 99, 100, 1000, 10_000, 16_384, 1_000_000)

    assert [documents.effort(OperationRequest("x" * length)) for length in lengths] == [1, 25, 26, 251, 2501, 4097, 4097]
