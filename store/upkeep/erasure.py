"""Erases everything that is stored under a reference of the integrator: for a person who demands the erasure of their data.

A receipt says what was erased. It is written in the same transaction as the erasure. So after a crash, either nothing was erased, or the receipt can
be read again.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import uuid4

import orjson

from domain.deadlines import whole_milliseconds
from domain.status import Status
from store.driver import Client, Database, Document, Session, answering, transaction
from store.indexes import DELIVERIES, ERASURES, INBOX, PROVIDER_QUERIES, UNFINISHED_STARTS, VERIFICATIONS
from store.removal import OtherVersion, Removal, remove_all
from store.upkeep.json_lines import json_line

# One transaction erases at most this many verifications with the reference, and the other attempts of their chains. A person has far fewer.
MAX_ERASED = 500
# How long to wait before an erasure is tried again, because another process changes the same verifications.
ERASE_PAUSE_SECONDS = 0.05
# The names of the numbers in a receipt, by the collection whose documents they count.
COUNTED = {VERIFICATIONS: "verifications", INBOX: "webhooks", DELIVERIES: "deliveries", PROVIDER_QUERIES: "queries", UNFINISHED_STARTS: "starts"}

# Returns the HMAC of a text, in hex.
Hmac = Callable[[str], str]


class StillPending(Exception):
    """Verifications can't be erased while they are pending. `ids`: the ids of these verifications."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(f"still pending: {', '.join(ids)}")
        self.ids = ids


async def attempts_with_reference(database: Database, workspace: str, reference: str) -> list[Document]:
    """The documents of the attempts that have this reference (at most MAX_ERASED), and of all other attempts of their chains.

    So an attempt that lost its reference when it was anonymized is found by its chain.
    Cost: two queries over indexes.
    """
    collection = database[VERIFICATIONS]
    with answering():
        sort = [("createdAt", 1), ("_id", 1)]
        named = await collection.find({"workspace": workspace, "reference": reference}).sort(sort).limit(MAX_ERASED).to_list(None)
        # In a damaged document, the chain may be of any type.
        chains = {document["chain"] for document in named if isinstance(document.get("chain"), str)}
        others = await collection.find({"workspace": workspace, "chain": {"$in": [*chains]}}).to_list(None)
    return [*{document["_id"]: document for document in [*named, *others]}.values()]


async def erase(
    client: Client, database: Database, workspace: str, reference: str, hmac: Hmac, now: datetime, resumption: timedelta
) -> list[Document]:
    """Erase everything that is stored under a reference. Returns the receipts of this and of earlier erasures; none if nothing was ever found.

    `hmac`: hides the reference in receipts. `resumption`: how old the cursor of a feed that resumes may be.
    Raises: StillPending if a verification is pending. Nothing was erased then, unless there are more than MAX_ERASED verifications: earlier
            transactions of this call may have erased some. Unavailable: something may have been erased then. Each transaction leaves a receipt, which
            a repeated call returns.
    """
    reference_hash = hmac(orjson.dumps([workspace, reference]).decode())

    async def erase_found(found: list[Document], session: Session) -> None:
        removals = [Removal(each["_id"], each.get("version"), provider_id(each)) for each in found]
        deleted = await remove_all(database, session, {"workspace": workspace}, removals, now, resumption)
        receipt = receipt_of(found, {COUNTED[name]: number for name, number in deleted.items()})
        marks = {"_id": uuid4().hex, "workspace": workspace, "erasedAt": whole_milliseconds(now), "referenceHash": reference_hash}
        await database[ERASURES].insert_one({**marks, **receipt}, session=session)

    while found := await attempts_with_reference(database, workspace, reference):
        if pending := [str(each["_id"]) for each in found if each.get("status") == Status.PENDING.value]:
            raise StillPending(pending)
        with answering():
            try:
                await transaction(client, partial(erase_found, found))
            except OtherVersion:
                # An attempt was changed or retried since it was read, or is being changed. Read again.
                await asyncio.sleep(ERASE_PAUSE_SECONDS)
    with answering():
        query = {"workspace": workspace, "referenceHash": reference_hash}
        return sorted(await database[ERASURES].find(query).to_list(None), key=lambda receipt: (receipt["erasedAt"], receipt["_id"]))


def receipt_of(erased: Sequence[Document], counts: Document) -> Document:
    """What a receipt says about the verifications that were erased. `counts`: the numbers of deleted documents, by their names in COUNTED.

    The receipt has these numbers, the number of chains, the number of verifications of each status, and a hash over the documents of the
    verifications. With the hash, a backup can be compared with what was erased.
    """
    lines = sorted(map(json_line, erased))
    return {
        "chains": len({str(each.get("chain", each["_id"])) for each in erased}),
        "statuses": dict(Counter(str(each.get("status")) for each in erased)),
        **counts,
        "contentHash": f"sha256:{sha256(b''.join(lines)).hexdigest()}",
    }


def provider_id(document: Document) -> str | None:
    """The provider's id in the document of a verification; None if there is none."""
    provider: Any = document.get("provider")
    id = provider.get("id") if isinstance(provider, dict) else None
    return id if isinstance(id, str) else None
