"""The rotation of data keys: personal data that are encrypted under another key are encrypted again, under the first key."""

from domain.errors import BadValue
from store.decoding import CLOSING_NOTE
from store.driver import Document
from store.sealing import SealingKeys
from store.upkeep.rewriting import Rewrite, Rewriting

SEALED_FIELDS = ("declared", "extracted", CLOSING_NOTE)
ROTATION = "keys rotate"


def rotation(keys: SealingKeys) -> Rewriting:
    """The rewriting that leaves all personal data encrypted under the first of these keys."""
    outdated: Document = {"$or": [{field: {"$exists": True}, f"{field}.key": {"$ne": keys.first}} for field in SEALED_FIELDS]}
    fields = dict.fromkeys(("workspace", *SEALED_FIELDS), 1)
    return Rewriting(ROTATION, keys.first, outdated, fields, lambda document: sealed_again(document, keys))


def sealed_again(document: Document, keys: SealingKeys) -> Rewrite:
    """New envelopes, under the first key, for all personal data of a document that are encrypted under other keys.

    Data that can't be decrypted are left as they are.
    """
    values: Document = {}
    unreadable = False
    for field in SEALED_FIELDS:
        envelope = document.get(field)
        if envelope is None or (isinstance(envelope, dict) and envelope.get("key") == keys.first):
            continue
        home = (str(document.get("workspace")), str(document["_id"]), field)
        try:
            values[field] = keys.seal(home, keys.open(home, envelope))
        except BadValue:
            unreadable = True
    return Rewrite(values, unreadable)
