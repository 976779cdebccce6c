"""Personal data at rest: sealed before they are stored, and opened only for callers who may see them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import urandom
from typing import Any, Generic, TypeVar

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import BadValue
from domain.identity import Personal
from store.bad_documents import UNREADABLE

T = TypeVar("T")

Content = dict[str, Any]
# Decodes the content of an envelope. Arguments: the content, the id of its verification.
Open = Callable[[Content, str], Any]
# The workspace, the verification's id and the field to which an envelope is bound.
Home = tuple[str, str, str]

KEY_BYTES = 32
KEY_ID = re.compile("[a-z0-9_-]{1,16}")
NONCE_BYTES = 12
LENGTH_STEP = 128


class Unopenable(BadValue):
    """Sealed data that can't be opened.

    Their key is missing, they were tampered with, they are bound to another field, or this release can't read their content.
    """


class Keys:
    """The keys of personal data, by their ids, for AES-256-GCM. The first key seals; every key can open.

    Source: NIST SP 800-38D. Nonces are random, so that one key may seal up to 2³² times.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {id: AESGCM(key) for id, key in keys.items()}
        self._first = next(iter(keys))

    def seal(self, home: Home, content: Content) -> Content:
        """The envelope of a content, which can be opened at its home only.

        Shape: {"key": the key's id, "nonce": 12 random bytes, "data": the ciphertext of JSON, and its tag of 16 bytes}.
        The JSON is padded with blanks to a multiple of 128 bytes, so that the length reveals only that multiple.
        """
        nonce, plain = urandom(NONCE_BYTES), orjson.dumps(content)
        padded = plain.ljust(-(-len(plain) // LENGTH_STEP) * LENGTH_STEP)
        return {"key": self._first, "nonce": nonce, "data": self._ciphers[self._first].encrypt(nonce, padded, _associated_data(home))}

    def open(self, home: Home, envelope: Any) -> Content:
        """The content of an envelope. Any stored value is accepted as the envelope. Raises: Unopenable."""
        try:
            plain = self._ciphers[envelope["key"]].decrypt(envelope["nonce"], envelope["data"], _associated_data(home))
        except (InvalidTag, KeyError, TypeError, ValueError) as error:
            _, id, field = home
            raise Unopenable(id, field, cause=f"can't be opened with the key {_key_id(envelope)} ({type(error).__name__})") from None
        content: Content = orjson.loads(plain)
        return content


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sealed(Generic[T]):
    """Personal data as they are stored in a document. They are decrypted each time that they are opened, and never cached."""

    keys: Keys
    home: Home
    envelope: Any
    decode: Callable[[Content, str], T]

    def open(self) -> T:
        """The personal data, decrypted. Raises: Unopenable."""
        _, id, field = self.home
        try:
            return self.decode(self.keys.open(self.home, self.envelope), id)
        except UNREADABLE:
            raise Unopenable(id, field) from None

    def __eq__(self, other: object) -> bool:
        if other is None:
            return False
        if isinstance(other, Sealed) and other.envelope is self.envelope and other.home == self.home:
            return True
        # Compared by content: two envelopes of the same content differ.
        return self.open() == (other.open() if isinstance(other, Sealed) else other)


def sealed(personal: Personal[T], keys: Keys, home: Home, encode: Callable[[T], Content]) -> Any:
    """The envelope in which personal data are stored. Data that are already sealed for this home keep their envelope."""
    if isinstance(personal, Sealed) and personal.home == home:
        return personal.envelope
    return keys.seal(home, encode(personal.open()))


def _associated_data(home: Home) -> bytes:
    return orjson.dumps(home)


def _key_id(envelope: Any) -> str:
    """The id of an envelope's key; "unknown" if the value is not a valid key id, since it might be personal data."""
    id = envelope.get("key") if isinstance(envelope, dict) else None
    return id if isinstance(id, str) and KEY_ID.fullmatch(id) else "unknown"
