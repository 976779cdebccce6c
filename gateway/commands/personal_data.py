"""The commands `gateway export` and `gateway erase`: for persons who demand a copy or the erasure of their data."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from domain.errors import AlreadyFinal, BadDocument, NotFound, Unavailable
from gateway.application import fingerprint
from gateway.settings import Settings
from store.driver import Document, close_client, connect
from store.sealing import SealingKeys
from store.upkeep.erasure import StillPending, attempts_with_reference, erase
from store.upkeep.export import Export
from store.upkeep.json_lines import json_line
from store.verifications import Store


class PersonalDataError(Exception):
    """What is stored about a person could not be exported or erased. The message is for the user."""


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """A context with a store of these settings. Raises: PersonalDataError if MongoDB does not answer."""
    client = connect(settings.mongo_uri.get_secret_value(), settings.database_seconds)
    try:
        keys = SealingKeys(settings.data_keys.get_secret_value())
        store = Store(client, keys, patience_seconds=settings.request_seconds / 2, resumption=settings.feed_resumption)
        # After an election, a primary may answer from an older state until it has written something. The barrier makes it write.
        await store.barrier.passed()
        yield store
    except Unavailable:
        raise PersonalDataError("MongoDB did not answer in time; check GATEWAY_MONGO_URI and the replica set, and run it again") from None
    finally:
        close_client(client)


async def export(settings: Settings, workspace: str, reference: str | None, write: Callable[[bytes], object]) -> int:
    """Write what is stored about a workspace, or under one reference of it, as lines of JSON. Returns how many lines were written.

    Raises: PersonalDataError, also after the last line if personal data could not be decrypted.
    """
    count = 0
    async with opened_store(settings) as store:
        exported = Export(store.database, store.keys)
        async for line in exported.of_workspace(workspace) if reference is None else exported.of_reference(workspace, reference):
            write(line)
            count += 1
    if exported.unreadable:
        raise PersonalDataError(f"{exported.unreadable} values can't be decrypted with the keys in GATEWAY_DATA_KEYS; the export lacks them")
    return count


async def erase_reference(settings: Settings, workspace: str, reference: str, close: bool) -> list[bytes]:
    """Erase everything that is stored under a reference. Returns the receipts as lines of JSON, also those of earlier erasures.

    `close`: whether pending verifications are closed first. Raises: PersonalDataError if a verification is pending, or if nothing is stored under the
    reference and nothing was erased earlier.
    """
    async with opened_store(settings) as store:
        if close:
            await close_pending(store, workspace, reference)
        try:
            receipts = await erase(store.client, store.database, workspace, reference, fingerprint(settings), store.now(), store.resumption)
        except StillPending as error:
            raise PersonalDataError(f"{error}; close these verifications, or pass --close. They were not erased") from None
    if not receipts:
        raise PersonalDataError("no verification of this workspace has this reference, and none was erased before")
    return [json_line(readable_receipt(receipt)) for receipt in receipts]


async def found_under(settings: Settings, workspace: str, reference: str) -> list[str]:
    """A line for each verification that `erase_reference` would erase: its id and status. Raises: PersonalDataError."""
    async with opened_store(settings) as store:
        found = await attempts_with_reference(store.database, workspace, reference)
        return [f"{document['_id']}\t{document.get('status')}" for document in found]


async def close_pending(store: Store, workspace: str, reference: str) -> None:
    """Close the pending verifications with this reference, with the integrator as the actor. Raises: PersonalDataError if one can't be read."""
    verifications = store.within(workspace)
    for document in await attempts_with_reference(store.database, workspace, reference):
        try:
            with suppress(AlreadyFinal, NotFound):
                await verifications.change(document["_id"], lambda old, at: old.closed_by_integrator(None, at, may_expire=False))
        except BadDocument as error:
            raise PersonalDataError(f"a verification can't be closed: {error}") from None


def readable_receipt(stored: Document) -> Document:
    """A stored receipt as it is printed: its id has the name `receipt` instead of `_id`."""
    return {"receipt" if name == "_id" else name: value for name, value in stored.items()}
