"""Descriptors that read the attributes of a verification from its MongoDB document. One function for each kind of attribute makes its descriptors."""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import chain, repeat
from operator import itemgetter, sub
from types import NoneType
from typing import Any, Never

from domain.errors import BadDocument, BadValue
from domain.instant import EPOCH
from store.bad_documents import UNREADABLE
from store.decoding import NAIVE_EPOCH, Decode, decode_codes, decode_text, utc
from store.driver import Document
from store.sealing import Open, Sealed, SealingKeys

ReadAttribute = Callable[[Document, SealingKeys], Any]
ReadColumn = Callable[[list[Document], SealingKeys], Iterable[Any]]


def itself(bad: BadValue) -> BadValue:
    """Return the BadValue unchanged. This is the default of `on_bad_value`: an attribute whose stored value is unreadable gets a BadValue instead."""
    return bad


def refuse(value: object) -> Never:
    """Always raise TypeError. This is the default of `convert` in `plain_attribute`, which calls it for values of another type than required."""
    raise TypeError


class StoredAttribute(property):
    """An attribute of a verification that is read from a field of its MongoDB document.

    * `field` is the name of that field.
    * `read` returns the attribute's value. It raises one of UNREADABLE if the value can't be represented, or if it is required and missing. The
      method `value` catches these exceptions.
    * `getter` is the getter of the property. If it is None, the property calls `read`, and `value` after one of UNREADABLE.
    * `default` computes the value from the other fields of the document if the attribute's field is missing.
    * `required_type` is the Python class that a required value has in the document; None if the value is optional.
    * `on_bad_value` returns the substitute for an optional value that can't be read.
    * `also_reads` names the other fields of the document that `read` uses.
    * `read_column` reads the attribute from a list of documents, which is faster for some attributes. It raises one of UNREADABLE if `read`
      raises for any of the documents. It may also raise one if all documents are readable. The caller then reads each document with `value`.
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
        also_reads: tuple[str, ...] = (),
    ) -> None:
        super().__init__(getter or self._get)
        self.field = field
        self.also_reads = also_reads
        self.read = read
        self.required_type = required_type
        self.default = default
        self.on_bad_value = on_bad_value
        self.read_column = read_column or self._read_column

    def _read_column(self, documents: list[Document], keys: SealingKeys) -> Iterable[Any]:
        read = self.read
        return [read(document, keys) for document in documents]

    def value(self, document: Document, keys: SealingKeys) -> Any:
        """The attribute's value; the default if the field is missing; the substitute if the value is optional and can't be read.

        Raises: BadDocument if a required value can't be read.
        """
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
    """A required attribute whose stored value needs no decoding. `convert` decodes values of another type than `required_type`, or refuses them.

    `default` computes the value if the field is missing.
    """

    def read(document: Document, keys: SealingKeys) -> Any:
        value = document[field]
        return value if value.__class__ is required_type else convert(value)

    value_of = itemgetter(field)

    def read_column(documents: list[Document], keys: SealingKeys) -> Iterable[Any]:
        values = [*map(value_of, documents)]
        if {*map(type, values)} - {required_type}:
            raise TypeError
        return values

    def get(verification: Any) -> Any:
        # The feed (store/feed.py) reads attributes such as the version again for each of its subscribers, so this function must be fast. If the value
        # has the required type, the function calls only `dict.get`.
        value = verification._document.get(field)
        return value if value.__class__ is required_type else attribute.value(verification._document, verification._keys)

    attribute = StoredAttribute(field, read, get, required_type=required_type, default=default, read_column=read_column)
    return attribute


def instant_attribute(field: str) -> Any:
    """A required instant, read as a datetime in UTC."""
    value_of = itemgetter(field)

    def read_column(documents: list[Document], keys: SealingKeys) -> Iterable[Any]:
        # The subtraction also checks the values: it raises TypeError for everything that is not a datetime without a time zone.
        return map(EPOCH.__add__, map(sub, map(value_of, documents), repeat(NAIVE_EPOCH)))

    return StoredAttribute(field, lambda document, keys: utc(document[field]), required_type=datetime, read_column=read_column)


def optional_instant_attribute(field: str, *, on_bad_value: Callable[[Any], Any] = itself) -> Any:
    """An optional instant, read as a datetime in UTC; None if the field is missing."""

    def read(document: Document, keys: SealingKeys) -> Any:
        value = document.get(field)
        return None if value is None else utc(value)

    def read_column(documents: list[Document], keys: SealingKeys) -> Iterable[Any]:
        # The subtraction also checks the values: it raises TypeError for everything that is not a datetime without a time zone.
        return [None if value is None else EPOCH + (value - NAIVE_EPOCH) for value in [document.get(field) for document in documents]]

    return StoredAttribute(field, read, on_bad_value=on_bad_value, read_column=read_column)


def optional_text_attribute(field: str) -> Any:
    """An optional text; None if the field is missing."""

    def read(document: Document, keys: SealingKeys) -> Any:
        value = document.get(field)
        return None if value is None else decode_text(value)

    def read_column(documents: list[Document], keys: SealingKeys) -> Iterable[Any]:
        values = [document.get(field) for document in documents]
        if {*map(type, values)} - {str, NoneType}:
            raise TypeError
        return values

    return StoredAttribute(field, read, read_column=read_column)


def codes_attribute(field: str) -> Any:
    """A list of reason codes, read as a tuple; an empty tuple if the field is missing."""
    value_of = itemgetter(field)

    def read_column(documents: list[Document], keys: SealingKeys) -> Iterable[Any]:
        values = [*map(value_of, documents)]
        if {*map(type, values)} - {list}:
            raise TypeError
        # `join` is only called to check the entries: it raises TypeError if one of them is not a text.
        "".join(chain.from_iterable(values))
        return map(tuple, values)

    return StoredAttribute(
        field, lambda document, keys: decode_codes(document[field]), required_type=list, default=lambda document: (), read_column=read_column
    )


def decoded_attribute(field: str, required_type: type, decode: Decode) -> Any:
    """A required attribute whose stored value is converted by `decode`."""
    value_of = itemgetter(field)

    def read_column(documents: list[Document], keys: SealingKeys) -> Iterable[Any]:
        return map(decode, map(value_of, documents))

    def get(verification: Any) -> Any:
        try:
            return decode(verification._document[field])
        except UNREADABLE:
            return attribute.value(verification._document, verification._keys)

    attribute = StoredAttribute(field, lambda document, keys: decode(document[field]), get, required_type=required_type, read_column=read_column)
    return attribute


def optional_attribute(field: str, decode: Decode, *, default: Any = None, on_bad_value: Callable[[Any], Any] = itself) -> Any:
    """An optional attribute whose stored value is converted by `decode`; `default` if the field is missing."""

    def read(document: Document, keys: SealingKeys) -> Any:
        value = document.get(field)
        return default if value is None else decode(value)

    return StoredAttribute(field, read, on_bad_value=on_bad_value)


def sealed_attribute(field: str, decode: Open) -> Any:
    """An optional attribute with encrypted data, read as a `Sealed` object whose `open` decrypts them; None if the field is missing.

    `decode` converts the decrypted content to an object of the domain.
    """

    def read(document: Document, keys: SealingKeys) -> Any:
        envelope = document.get(field)
        return None if envelope is None else Sealed(keys, (document["workspace"], document["_id"], field), envelope, decode)

    return StoredAttribute(field, read)


def cached_attribute(field: str, required_type: type, decode: ReadAttribute, *, also_reads: tuple[str, ...] = ()) -> Any:
    """An attribute that is decoded on first use, and then cached in `_events` of the verification. Only `events` is cached: it is slow to decode."""

    def get(verification: Any) -> Any:
        if verification._events is None:
            object.__setattr__(verification, "_events", attribute.value(verification._document, verification._keys))
        return verification._events

    attribute = StoredAttribute(field, decode, get, required_type=required_type, also_reads=also_reads)
    return attribute
