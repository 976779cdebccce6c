"""Tests that reading a stored attribute from many documents at once gives the same values as reading each document separately."""

from datetime import datetime
from typing import Any

import pytest

from domain.errors import BadDocument, BadValue
from store.attributes import StoredAttribute
from store.bad_documents import UNREADABLE
from store.driver import Document
from store.stored_verification import ATTRIBUTES
from tests.factories import FAILED_RESULT, NOON, a_verification
from tests.storing import DATA_KEYS, encode

WHOLE = encode(a_verification(reference="order-1").concluded(FAILED_RESULT, NOON))
DAMAGED: tuple[Any, ...] = (7, True, 1.5, "", "text", [], ["text", 7], [["text"]], {}, NOON, NOON.replace(tzinfo=None), b"", None)
ATTRIBUTE_NAMES = sorted(name for name in ATTRIBUTES if name not in ("declared", "extracted", "events"))


def naive(document: Document) -> Document:
    """The document as the driver returns it: instants have no time zone."""
    return {name: value.replace(tzinfo=None) if isinstance(value, datetime) else value for name, value in document.items()}


def one_by_one(attribute: StoredAttribute, documents: list[Document]) -> list[Any]:
    """The values of the attribute, read from each document separately."""
    values = []
    for document in documents:
        try:
            values.append(attribute.value(document, DATA_KEYS))
        except BadDocument as bad:
            values.append(str(bad))
    return values


@pytest.mark.parametrize("name", ATTRIBUTE_NAMES)
def test_reading_many_documents_at_once_gives_the_same_values_as_reading_each(name: str) -> None:
    attribute, documents = ATTRIBUTES[name], [naive(WHOLE)] * 3

    assert list(attribute.read_column(documents, DATA_KEYS)) == one_by_one(attribute, documents)


@pytest.mark.parametrize("damaged", DAMAGED, ids=repr)
@pytest.mark.parametrize("name", ATTRIBUTE_NAMES)
def test_reading_many_documents_with_a_damaged_one_raises_or_gives_the_same_values(name: str, damaged: Any) -> None:
    attribute = ATTRIBUTES[name]
    documents = [naive(WHOLE), {**naive(WHOLE), attribute.field: damaged}]

    try:
        column = list(attribute.read_column(documents, DATA_KEYS))
    except UNREADABLE:
        return
    assert column == one_by_one(attribute, documents)
    assert not any(isinstance(value, BadValue) for value in column)


def test_reading_many_documents_without_a_field_raises_only_if_it_is_required() -> None:
    for name in ATTRIBUTE_NAMES:
        attribute = ATTRIBUTES[name]
        document = {field: value for field, value in naive(WHOLE).items() if field != attribute.field}
        try:
            column = list(attribute.read_column([document], DATA_KEYS))
        except UNREADABLE:
            assert attribute.required_type, name
        else:
            assert column == one_by_one(attribute, [document]), name
