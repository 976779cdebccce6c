"""Exports what is stored about verifications, with their personal data decrypted: for a person who demands a copy of their data, or as a backup."""

from collections.abc import AsyncIterator
from typing import Any

from domain.errors import BadValue
from store.driver import Database, Document, answering
from store.indexes import DELIVERIES, INBOX, VERIFICATIONS
from store.sealing import SealingKeys
from store.upkeep.erasure import attempts_with_reference, provider_id
from store.upkeep.json_lines import json_line
from store.upkeep.rotation import SEALED_FIELDS

EXPORT_ROWS = 200


class Export:
    """The lines of an export. `unreadable`: how many values could not be decrypted so far."""

    def __init__(self, database: Database, keys: SealingKeys) -> None:
        self._database = database
        self._keys = keys
        self.unreadable = 0

    async def of_reference(self, workspace: str, reference: str) -> AsyncIterator[bytes]:
        """A line for each verification of the chains with this reference, for each webhook about them, and for each of their deliveries."""
        rows = await attempts_with_reference(self._database, workspace, reference)
        async for line in self._lines(workspace, rows):
            yield line
        provider_ids = [*filter(None, map(provider_id, rows))]
        async for line in self._webhooks({"workspace": workspace, "providerId": {"$in": provider_ids}}):
            yield line

    async def of_workspace(self, workspace: str) -> AsyncIterator[bytes]:
        """A line for each verification of a workspace, oldest first, for each of their deliveries, and for each webhook of the workspace.

        Raises: Unavailable, also if MongoDB fails half-way.
        """
        rows: list[Document] = []
        with answering():
            async for row in self._database[VERIFICATIONS].find({"workspace": workspace}).sort([("createdAt", 1), ("_id", 1)]):
                rows.append(row)
                if len(rows) == EXPORT_ROWS:
                    async for line in self._lines(workspace, rows):
                        yield line
                    rows = []
        async for line in self._lines(workspace, rows):
            yield line
        async for line in self._webhooks({"workspace": workspace}):
            yield line

    async def _lines(self, workspace: str, rows: list[Document]) -> AsyncIterator[bytes]:
        for row in rows:
            yield json_line({"verification": self._opened(row)})
        with answering():
            condition = {"_id": {"$in": [row["_id"] for row in rows]}, "workspace": workspace}
            for delivery in await self._database[DELIVERIES].find(condition).to_list(None):
                yield json_line({"delivery": delivery})

    async def _webhooks(self, condition: Document) -> AsyncIterator[bytes]:
        with answering():
            async for entry in self._database[INBOX].find(condition):
                yield json_line({"webhook": entry})

    def _opened(self, document: Document) -> Document:
        """The document with its personal data decrypted. The fingerprint of the input is left out, because it is only of use to the gateway."""
        opened = {field: self._open(document, field) if field in SEALED_FIELDS else value for field, value in document.items()}
        if isinstance(opened.get("idempotency"), dict):
            opened["idempotency"] = {name: value for name, value in opened["idempotency"].items() if name != "fingerprint"}
        return opened

    def _open(self, document: Document, field: str) -> Any:
        try:
            return self._keys.open((str(document.get("workspace")), str(document["_id"]), field), document[field])
        except BadValue:
            self.unreadable += 1
            return {"unreadable": True}
