"""Encrypts personal data before they are stored ("seals" them), and decrypts them only for callers who may see them ("opens" them).

An envelope is the encrypted form: a nested MongoDB document with the ciphertext, the nonce and the id of the key.
"""

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
# Converts the decrypted content of an envelope to a domain object. Arguments: the content, the id of the verification.
Open = Callable[[Content, str], Any]
# What an envelope is bound to: the workspace, the verification's id, and the name of the field. A copy of the envelope anywhere else can't be opened.
Home = tuple[str, str, str]

KEY_BYTES = 32
KEY_ID = re.compile("[a-z0-9_-]{1,16}")
NONCE_BYTES = 12
LENGTH_STEP = 128


class Unopenable(BadValue):
    """Encrypted data that can't be read.

    The key is not configured, the data were tampered with or copied from another field or verification, or this release can't read the content.
    """


class SealingKeys:
    """The keys that encrypt personal data, with AES-256-GCM, by their ids. The first key encrypts; all keys can decrypt.

    `first`: the id of the first key.
    Source: NIST SP 800-38D. Nonces are random, so one key may encrypt at most 2³² times.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {id: AESGCM(key) for id, key in keys.items()}
        self.first = next(iter(keys))

    def seal(self, home: Home, content: Content) -> Content:
        """Encrypt the content. The returned envelope can be decrypted only with the same `home`.

        Shape: {"key": the key's id, "nonce": 12 random bytes, "data": the ciphertext of JSON, and its tag of 16 bytes}.
        The JSON is padded with blanks to a multiple of 128 bytes, so that the length of the ciphertext reveals little about the content.
        """
        nonce, plain = urandom(NONCE_BYTES), orjson.dumps(content)
        padded = plain.ljust(-(-len(plain) // LENGTH_STEP) * LENGTH_STEP)
        return {"key": self.first, "nonce": nonce, "data": self._ciphers[self.first].encrypt(nonce, padded, _associated_data(home))}

    def open(self, home: Home, envelope: Any) -> Content:
        """Decrypt an envelope, which may be any stored value. Raises: Unopenable if it is not a valid envelope of this `home`."""
        try:
            plain = self._ciphers[envelope["key"]].decrypt(envelope["nonce"], envelope["data"], _associated_data(home))
        except (InvalidTag, KeyError, TypeError, ValueError) as error:
            _, id, field = home
            raise Unopenable(id, field, cause=f"can't be opened with the key {_key_id(envelope)} ({type(error).__name__})") from None
        content: Content = orjson.loads(plain)
        return content


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sealed(Generic[T]):
    """Personal data in their encrypted form. `open` decrypts them each time; the result is never cached."""

    keys: SealingKeys
    home: Home
    envelope: Any
    decode: Callable[[Content, str], T]

    def open(self) -> T:
        """Decrypt the personal data. Raises: Unopenable."""
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
        # Compare the decrypted contents, because two envelopes with the same content differ: each has a random nonce.
        return self.open() == (other.open() if isinstance(other, Sealed) else other)


def sealed(personal: Personal[T], keys: SealingKeys, home: Home, encode: Callable[[T], Content]) -> Any:
    """The envelope in which personal data are stored. Data that are already encrypted for this `home` keep their envelope.

    `encode` converts the data to the content that is encrypted.
    """
    if isinstance(personal, Sealed) and personal.home == home:
        return personal.envelope
    return keys.seal(home, encode(personal.open()))


def _associated_data(home: Home) -> bytes:
    return orjson.dumps(home)


def _key_id(envelope: Any) -> str:
    """The id of the key of an envelope, for error messages; "unknown" if it is not a valid key id, because such a value might be personal data."""
    id = envelope.get("key") if isinstance(envelope, dict) else None
    return id if isinstance(id, str) and KEY_ID.fullmatch(id) else "unknown"
