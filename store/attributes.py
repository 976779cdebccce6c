"""How the attributes of a verification are stored: one function for each kind of attribute."""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import chain, repeat
from operator import itemgetter, sub
from types import NoneType
from typing import Any, Never

from domain.errors import BadDocument, BadValue
from store.bad_documents import UNREADABLE
from store.decoding import EPOCH, NAIVE_EPOCH, Decode, decode_codes, decode_text, utc
from store.driver import Document
from store.sealing import Keys, Open, Sealed

ReadAttribute = Callable[[Document, Keys], Any]
ReadColumn = Callable[[list[Document], Keys], Iterable[Any]]


def itself(bad: BadValue) -> BadValue:
    """The default of `on_bad_value`: the BadValue itself stands for a value that can't be read."""
    return bad


def refuse(value: object) -> Never:
    """Refuse a value of the wrong type. Raises: TypeError."""
    raise TypeError


class StoredAttribute(property):
    """An attribute of a verification: the field of the document that stores it, and how it is read.

    * `read` raises one of UNREADABLE if the value is missing or can't be represented, so that the usual case costs nothing extra.
    * `default` computes the value of a missing field from the other fields of the document.
    * `required_type` is the class under which a required value is stored; None if the value is optional.
    * `on_bad_value` computes the substitute of an optional value that can't be read.
    * `read_column` reads the values of many documents at once, which is faster for some attributes. It raises one of UNREADABLE if `read` would,
      and may do so in other cases.
    """

    def __init__(
        self,
        field: str,
        read: ReadAttribute,
        getter: Callable[[Any], Any] | None = None,
        *,
        required_type: type | None = None,
        default: Callable[[Document], Any] | None = None,
        on_bad_value: Callable[[Any], Any] = itself,
        read_column: ReadColumn | None = None,
    ) -> None:
        super().__init__(getter or self._get)
        self.field = field
        self.read = read
        self.required_type = required_type
        self.default = default
        self.on_bad_value = on_bad_value
        self.read_column = read_column or self._read_column

    def _read_column(self, documents: list[Document], keys: Keys) -> Iterable[Any]:
        read = self.read
        return [read(document, keys) for document in documents]

    def value(self, document: Document, keys: Keys) -> Any:
        """The value, its default or its substitute. Raises: BadDocument if a required value can't be read."""
        try:
            return self.read(document, keys)
        except UNREADABLE:
            if self.default and document.get(self.field) is None:
                return self.default(document)
            if self.required_type:
                raise BadDocument(document.get("_id"), self.field, document.get("chain")) from None
            return self.on_bad_value(BadValue(document.get("_id"), self.field))

    def _get(self, verification: Any) -> Any:
        try:
            return self.read(verification._document, verification._keys)
        except UNREADABLE:
            return self.value(verification._document, verification._keys)


def plain_attribute(field: str, required_type: type, *, convert: Decode = refuse, default: Callable[[Document], Any] | None = None) -> Any:
    """A required attribute that needs no decoding; `convert` converts values of another type."""

    def read(document: Document, keys: Keys) -> Any:
        value = document[field]
        return value if value.__class__ is required_type else convert(value)

    value_of = itemgetter(field)

    def read_column(documents: list[Document], keys: Keys) -> Iterable[Any]:
        values = [*map(value_of, documents)]
        if {*map(type, values)} - {required_type}:
            raise TypeError
        return values

    return StoredAttribute(field, read, required_type=required_type, default=default, read_column=read_column)


def instant_attribute(field: str) -> Any:
    """A required instant."""
    value_of = itemgetter(field)

    def read_column(documents: list[Document], keys: Keys) -> Iterable[Any]:
        # Raises TypeError if a value is not a naive instant.
        return map(EPOCH.__add__, map(sub, map(value_of, documents), repeat(NAIVE_EPOCH)))

    return StoredAttribute(field, lambda document, keys: utc(document[field]), required_type=datetime, read_column=read_column)


def optional_instant_attribute(field: str, *, on_bad_value: Callable[[Any], Any] = itself) -> Any:
    """An optional instant; None if the field is missing."""

    def read(document: Document, keys: Keys) -> Any:
        value = document.get(field)
        return None if value is None else utc(value)

    def read_column(documents: list[Document], keys: Keys) -> Iterable[Any]:
        # Raises TypeError if a value is not a naive instant.
        return [None if value is None else EPOCH + (value - NAIVE_EPOCH) for value in [document.get(field) for document in documents]]

    return StoredAttribute(field, read, on_bad_value=on_bad_value, read_column=read_column)


def optional_text_attribute(field: str) -> Any:
    """An optional text; None if the field is missing."""

    def read(document: Document, keys: Keys) -> Any:
        value = document.get(field)
        return None if value is None else decode_text(value)

    def read_column(documents: list[Document], keys: Keys) -> Iterable[Any]:
        values = [document.get(field) for document in documents]
        if {*map(type, values)} - {str, NoneType}:
            raise TypeError
        return values

    return StoredAttribute(field, read, read_column=read_column)


def codes_attribute(field: str) -> Any:
    """Reason codes; none if the field is missing."""
    value_of = itemgetter(field)

    def read_column(documents: list[Document], keys: Keys) -> Iterable[Any]:
        values = [*map(value_of, documents)]
        if {*map(type, values)} - {list}:
            raise TypeError
        # Raises TypeError if an entry is not text.
        "".join(chain.from_iterable(values))
        return map(tuple, values)

    return StoredAttribute(
        field, lambda document, keys: decode_codes(document[field]), required_type=list, default=lambda document: (), read_column=read_column
    )


def decoded_attribute(field: str, required_type: type, decode: Decode) -> Any:
    """A required attribute that is decoded from its field."""
    value_of = itemgetter(field)

    def read_column(documents: list[Document], keys: Keys) -> Iterable[Any]:
        return map(decode, map(value_of, documents))

    return StoredAttribute(field, lambda document, keys: decode(document[field]), required_type=required_type, read_column=read_column)


def optional_attribute(field: str, decode: Decode, *, default: Any = None, on_bad_value: Callable[[Any], Any] = itself) -> Any:
    """An optional attribute that is decoded from its field; the default if the field is missing."""

    def read(document: Document, keys: Keys) -> Any:
        value = document.get(field)
        return default if value is None else decode(value)

    return StoredAttribute(field, read, on_bad_value=on_bad_value)


def sealed_attribute(field: str, decode: Open) -> Any:
    """An optional attribute that stays sealed until it is opened; None if the field is missing."""

    def read(document: Document, keys: Keys) -> Any:
        envelope = document.get(field)
        return None if envelope is None else Sealed(keys, (document["workspace"], document["_id"], field), envelope, decode)

    return StoredAttribute(field, read)


def cached_attribute(field: str, required_type: type, decode: Callable[[Document], Any]) -> Any:
    """A required attribute that is decoded on first use and then cached, because it is used often and its decoding is slow."""

    def get(verification: Any) -> Any:
        if verification._events is None:
            object.__setattr__(verification, "_events", attribute.value(verification._document, verification._keys))
        return verification._events

    attribute = StoredAttribute(field, lambda document, keys: decode(document), get, required_type=required_type)
    return attribute
