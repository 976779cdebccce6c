"""Personal data at rest: sealed before they are stored, and opened only when somebody asks who may."""

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
# What makes a value of a content, for the verification with an id.
Open = Callable[[Content, str], Any]
# The workspace, the verification's id and the field to which something sealed belongs.
Home = tuple[str, str, str]

KEY_BYTES = 32
KEY_ID = re.compile("[a-z0-9_-]{1,16}")
NONCE_BYTES = 12
LENGTH_STEP = 128


class Unopenable(BadValue):
    """Sealed data whose key is missing, that were tampered with, that belong elsewhere, or that this release can't read."""


class Keys:
    """What personal data are sealed with: the first key seals, and all of them open. AES-256-GCM, by their ids.

    Source: NIST SP 800-38D. Nonces are random, so that one key may seal up to 2³² times.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {id: AESGCM(key) for id, key in keys.items()}
        self._first = next(iter(keys))

    def seal(self, home: Home, content: Content) -> Content:
        """The envelope of a content, which opens nowhere but at home.

        Shape: {"key": the key's id, "nonce": 12 random bytes, "data": the ciphertext of JSON, and its tag of 16 bytes}.
        The JSON is filled up with blanks, so that its length tells no more than how many times 128 bytes are needed.
        """
        nonce, plain = urandom(NONCE_BYTES), orjson.dumps(content)
        filled = plain.ljust(-(-len(plain) // LENGTH_STEP) * LENGTH_STEP)
        return {"key": self._first, "nonce": nonce, "data": self._ciphers[self._first].encrypt(nonce, filled, _bound(home))}

    def open(self, home: Home, envelope: Any) -> Content:
        """The content of an envelope, which may be anything that was found in its place. Raises: Unopenable."""
        try:
            plain = self._ciphers[envelope["key"]].decrypt(envelope["nonce"], envelope["data"], _bound(home))
        except (InvalidTag, KeyError, TypeError, ValueError) as error:
            _, id, field = home
            raise Unopenable(id, field, cause=f"can't be opened with the key {_key_id(envelope)} ({type(error).__name__})") from None
        content: Content = orjson.loads(plain)
        return content


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sealed(Generic[T]):
    """Personal data as they stand in a document. They are decrypted each time that somebody opens them, and kept nowhere."""

    keys: Keys
    home: Home
    envelope: Any
    decode: Callable[[Content, str], T]

    def open(self) -> T:
        """What is sealed. Raises: Unopenable."""
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
        # By what they hold: no two envelopes of the same are alike.
        return self.open() == (other.open() if isinstance(other, Sealed) else other)


def sealed(personal: Personal[T], keys: Keys, home: Home, encode: Callable[[T], Content]) -> Any:
    """The envelope in which personal data are stored: the one that they came in, unless that was from elsewhere."""
    if isinstance(personal, Sealed) and personal.home == home:
        return personal.envelope
    return keys.seal(home, encode(personal.open()))


def _bound(home: Home) -> bytes:
    return orjson.dumps(home)


def _key_id(envelope: Any) -> str:
    """The id of an envelope's key, where it has one: anything else that stands there is not to be told."""
    id = envelope.get("key") if isinstance(envelope, dict) else None
    return id if isinstance(id, str) and KEY_ID.fullmatch(id) else "unknown"
