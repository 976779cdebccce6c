"""The parts that the peers in Python share: the connection to MongoDB, the fields that they read, and the pages of the list with their cursors."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from starlette.applications import Starlette

Document = dict[str, Any]
Collection = AsyncIOMotorCollection[Document]

NEWEST = [("createdAt", -1), ("_id", -1)]
# The MongoDB projection for rows of the list: only the fields that the benchmarks select, without the history and the encrypted fields.
ROW = dict.fromkeys(
    ("status", "reference", "createdAt", "updatedAt", "expiresAt", "version", "attempt", "next", "chain", "reasons"),
    1,
)


@asynccontextmanager
async def connected(app: Starlette) -> AsyncIterator[None]:
    """The lifespan of a peer's application. Connects to MongoDB, and sets the collection and the workspace in the application's state."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(os.environ["MONGO_URI"], tz_aware=True)
    app.state.verifications = client.get_default_database()["verifications"]
    app.state.workspace = os.environ["WORKSPACE"]
    try:
        yield
    finally:
        client.close()


async def page(verifications: Collection, workspace: str, first: int, projection: Document, after: str | None = None) -> tuple[list[Document], bool]:
    """The `first` newest verifications, or the `first` next ones behind the cursor `after`. Also returns whether the list goes on after them."""
    behind: Document = {}
    if after:
        _, milliseconds, id = urlsafe_b64decode(after + "==").decode().split(":")
        at = datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
        behind = {"createdAt": {"$lte": at}, "$or": [{"createdAt": {"$lt": at}}, {"_id": {"$lt": id}}]}
    found = await verifications.find({"workspace": workspace, **behind}, projection).sort(NEWEST).limit(first + 1).to_list(first + 1)
    return found[:first], len(found) > first


def cursor(created_at: datetime, id: str) -> str:
    """The cursor of a row in the list, in the same format as the gateway's."""
    milliseconds = round(created_at.timestamp() * 1000)
    return urlsafe_b64encode(f"CREATED_NEWEST:{milliseconds}:{id}".encode()).decode().rstrip("=")
