"""What is stored, looked at past the questions that can be asked."""

from domain.verification import Verification
from store.driver import Document
from store.verifications import Store
from tests.storing import decode


async def documents(store: Store) -> list[Document]:
    """All that is stored."""
    return await store.collection.find().sort("_id").to_list(None)


async def stored(store: Store) -> list[Verification]:
    """The same, decoded."""
    return [*map(decode, await documents(store))]
