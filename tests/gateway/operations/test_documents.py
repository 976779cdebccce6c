"""Which operation documents are kept after they were prepared, and which are dropped."""

import pytest

from gateway.errors import RequestRefused
from gateway.operations.documents import KEPT_DOCUMENT_CHARACTERS, Documents
from gateway.operations.operation_request import OperationRequest
from schema.build import build, executable

LENGTH = 16_000


@pytest.fixture
def documents() -> Documents:
    """An empty store of operation documents, for the schema of the gateway."""
    return Documents(executable(build()), introspection=False)


def prepared(documents: Documents, query: str) -> str:
    """Prepare and keep a document. Returns its text."""
    documents.operation(OperationRequest(query), "request")
    return query


def kept(documents: Documents, query: str) -> bool:
    return documents.effort(OperationRequest(query)) == 0


def long(number: int) -> str:
    return f"{{ a{number}: me {{ subject }} }}".ljust(LENGTH)


def test_a_document_is_prepared_once(documents: Documents) -> None:
    assert not kept(documents, long(1))
    assert kept(documents, prepared(documents, long(1)))
    assert not kept(documents, long(2))


@pytest.mark.parametrize(
    "query", ["{", "{ nothing }", "{ me { subject } } fragment F on Query { me { subject } }", "{ me {" + " subject" * 100 + "} }"]
)
def test_a_refused_document_is_not_kept(documents: Documents, query: str) -> None:
    with pytest.raises(RequestRefused):
        prepared(documents, query.ljust(LENGTH))

    assert not kept(documents, query.ljust(LENGTH))


def test_the_least_recently_used_documents_are_dropped(documents: Documents) -> None:
    max_documents = KEPT_DOCUMENT_CHARACTERS // LENGTH
    queries = [prepared(documents, long(number)) for number in range(max_documents)]
    prepared(documents, queries[0])

    prepared(documents, long(max_documents))

    assert [kept(documents, query) for query in queries] == [True, False] + [True] * (max_documents - 2)


def test_a_longer_document_costs_more_up_to_the_maximum_length(documents: Documents) -> None:
    lengths = (0, 99, 100, 1000, 10_000, 16_384, 1_000_000)

    assert [documents.effort(OperationRequest("x" * length)) for length in lengths] == [1, 25, 26, 251, 2501, 4097, 4097]
