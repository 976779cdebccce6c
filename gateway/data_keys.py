"""The keys of personal data at rest, as they are set: `id:key`, separated by commas, each key 32 bytes in base64."""

from base64 import b64decode, b64encode
from secrets import token_bytes

from store.sealing import KEY_BYTES, KEY_ID

DEVELOPMENT_ID = "development"
SIMPLEST = 8


def parsed(text: str) -> dict[str, bytes]:
    """The keys by their ids, in the order in which they are written. Raises: ValueError, which tells nothing of the text."""
    keys: dict[str, bytes] = {}
    for part in text.split(","):
        id, _, key = part.strip().partition(":")
        if not KEY_ID.fullmatch(id):
            raise ValueError("must be id:key, several of them separated by commas, with ids of 1 to 16 of a-z, 0-9, '_' and '-'")
        if id in keys:
            raise ValueError("names the same id twice")
        keys[id] = _decoded(key)
    return keys


def made_for_development() -> str:
    """A key that says of itself that it isn't for production."""
    return f"{DEVELOPMENT_ID}:{b64encode(token_bytes(KEY_BYTES)).decode()}"


def _decoded(text: str) -> bytes:
    try:
        key = b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"must have keys of {KEY_BYTES} bytes in base64; `openssl rand -base64 {KEY_BYTES}` makes one")
    if len(set(key)) < SIMPLEST:
        raise ValueError(f"is too simple to be a key; `openssl rand -base64 {KEY_BYTES}` makes one")
    return key
