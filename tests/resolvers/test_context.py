"""Tests the context of an operation with a real store."""

import asyncio

import pytest

from domain.caller import Caller, FollowToken, Scope
from domain.errors import NotFound
from domain.verification import Verification
from gateway.callers.rate import Rate
from resolvers.context import Context, Services
from store.feed import Feed
from store.verifications import Store
from tests.commands import Commands
from tests.factories import NOON, a_final_verification, a_verification, retried
from tests.storing import changes, links_for_tests, outgoing


def a_context(store: Store, workspace: str = "acme", chain: str | None = None) -> Context:
    """The context of an operation, for a caller of this workspace who may read only this chain, or all chains if it is None."""
    feed = Feed(store, store.client)
    services = Services(
        store,
        feed,
        changes(store),
        links_for_tests(),
        outgoing(store, feed),
        str,
        lambda caller, chain, ttl: FollowToken("token", NOON + ttl),
        Rate(0, 1),
    )
    return Context(services, Caller("someone", workspace, frozenset({Scope.READ}), chain=chain))


async def a_chain(store: Store) -> list[Verification]:
    """Store a verification and its retry, and return both."""
    chain = [*retried(a_final_verification())]
    for verification in chain:
        await store.within("acme").add(verification)
    return chain


async def test_a_verification_of_another_workspace_is_not_found(store: Store) -> None:
    verification = await store.within("acme").add(a_verification())

    assert await a_context(store).current(verification.id) == verification
    assert await a_context(store, "other").current(verification.id) is None
    with pytest.raises(NotFound):
        await a_context(store, "other").required(verification.id)


async def test_a_caller_with_a_follow_token_reads_only_its_chain(store: Store) -> None:
    own, other = [await store.within("acme").add(a_verification()) for _ in range(2)]

    context = a_context(store, chain=own.chain)

    assert await context.current(own.id) == own
    assert await context.current(other.id) is None


async def test_the_attempts_of_several_chains_are_read_with_one_query(store: Store, commands: Commands) -> None:
    chains = [await a_chain(store) for _ in range(3)]
    context = a_context(store)

    with commands.sent(store.database.name) as sent:
        found = await asyncio.gather(*(context.attempts(chain[0].id, None) for chain in chains))

    assert [[attempt.id for attempt in attempts] for attempts in found] == [[attempt.id for attempt in chain] for chain in chains]
    assert [next(iter(command)) for command in sent] == ["find"]


async def test_cancelling_one_reader_of_a_chain_does_not_cancel_the_others(store: Store) -> None:
    chain, context = await a_chain(store), a_context(store)

    async def read() -> list[Verification]:
        return await context.attempts(chain[0].id, None)

    cancelled, waiting = asyncio.create_task(read()), asyncio.create_task(read())
    await asyncio.sleep(0)
    cancelled.cancel()

    assert [attempt.id for attempt in await waiting] == [attempt.id for attempt in chain]
    assert cancelled.cancelled()
