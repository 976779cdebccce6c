"""Tests that `Verifications` can access only its workspace and chain: all other verifications seem not to exist."""

from collections.abc import Awaitable, Callable

import pytest
from pymongo.errors import DuplicateKeyError

from domain.errors import NotFound, Unavailable
from domain.filter import Filter, Order
from domain.verification import Verification
from store.pages import PageRequest
from store.verifications import Stale, Store, Verifications
from tests.factories import (
    NOON,
    a_final_verification,
    a_verification,
    retried,
)
from tests.histories import KEY, noted, noting
from tests.storing import stored_verifications

Call = Callable[[Verifications, Verification], Awaitable[object]]

EVERYTHING = PageRequest(Order.CREATED_OLDEST, 100)


async def rows(outside: Verifications) -> object:
    """The ids of all verifications in the list that `outside` reads."""
    return [row.id for row in (await outside.page(Filter(), EVERYTHING)).rows]


async def updated(outside: Verifications) -> object:
    """The ids of all verifications that `changed_since` returns for `outside`."""
    return [verification.id async for verification in outside.changed_since(NOON, Filter())]


async def changed_pages(outside: Verifications) -> object:
    """The ids of all verifications in the pages that `pages_changed_since` returns for `outside`."""
    return [verification.id async for page in outside.pages_changed_since(NOON, Filter()) for verification in page.rows]


async def total(outside: Verifications) -> object:
    """The number of verifications in the statistics that `outside` reads."""
    return (await outside.statistics(Filter())).total


# For each public method of `Verifications`: a call by the object `outside`, which must not access the verification `inside`, and the expected result
# or error.
NOT_FOUND: dict[str, tuple[Call, object]] = {
    "get": (lambda outside, inside: outside.get(inside.id), None),
    "require": (lambda outside, inside: outside.require(inside.id), NotFound),
    "whole_chain": (lambda outside, inside: outside.whole_chain(inside.chain), []),
    "with_provider_id": (lambda outside, inside: outside.with_provider_id(inside.provider.name, inside.provider.id or ""), None),
    "with_key": (lambda outside, _: outside.with_key(KEY.key), None),
    "replace": (lambda outside, inside: outside.replace(inside, noted(inside, "stranger")), Stale),
    "change": (lambda outside, inside: outside.change(inside.id, noting("stranger")), NotFound),
    "retry": (lambda outside, inside: outside.retry(inside.id, retried), NotFound),
    "remove": (lambda outside, inside: outside.remove(inside), Stale),
    "removed_since": (lambda outside, _: outside.removed_since(NOON), []),
    "chains": (lambda outside, inside: outside.chains([inside.chain]), []),
    "page": (lambda outside, _: rows(outside), []),
    "changed_since": (lambda outside, _: updated(outside), []),
    "pages_changed_since": (lambda outside, _: changed_pages(outside), []),
    "count": (lambda outside, _: outside.count(Filter()), 0),
    "statistics": (lambda outside, _: total(outside), 0),
}


async def outcome(call: Call, scope: Verifications, verification: Verification) -> object:
    """The result of a call; the type of the error if it raises one."""
    try:
        return await call(scope, verification)
    except (NotFound, Stale, Unavailable) as error:
        return type(error)


def test_every_method_is_covered() -> None:
    public = {name for name, member in vars(Verifications).items() if callable(member) and not name.startswith("_")}

    assert public == {*NOT_FOUND, "add"}


@pytest.mark.parametrize(("workspace", "chain"), [("other", None), ("acme", "ver_another"), ("other", "ver_1")])
async def test_a_verification_does_not_exist_outside_of_its_workspace_and_chain(store: Store, workspace: str, chain: str | None) -> None:
    inside = await store.within("acme").add(a_final_verification(id="ver_1", idempotency=KEY))
    outside = store.within(workspace, chain)

    outcomes = {method: await outcome(call, outside, inside) for method, (call, _) in NOT_FOUND.items()}

    assert outcomes == {method: not_found for method, (_, not_found) in NOT_FOUND.items()}
    assert await stored_verifications(store) == [inside]


@pytest.mark.parametrize("chain", [None, "ver_1"])
async def test_a_verification_exists_inside_of_its_workspace_and_chain(store: Store, chain: str | None) -> None:
    for method, (call, not_found) in NOT_FOUND.items():
        await store.collection.delete_many({})
        inside = await store.within("acme").add(a_final_verification(id="ver_1", idempotency=KEY))

        assert await outcome(call, store.within("acme", chain), inside) != not_found, method


async def test_an_idempotency_key_used_in_another_chain_is_refused_as_a_duplicate(store: Store) -> None:
    await store.within("acme").add(a_verification(id="ver_1", idempotency=KEY))

    with pytest.raises(DuplicateKeyError):
        await store.within("acme", "ver_2").add(a_verification(id="ver_2", idempotency=KEY))


async def test_a_retry_belongs_to_its_chain(store: Store) -> None:
    failed = await store.within("acme").add(a_final_verification())
    followed = store.within("acme", failed.chain)

    retry = await followed.retry(failed.id, retried)

    assert await followed.get(retry.id) == retry
    assert [attempt.id for attempt in await followed.chains([failed.chain])] == [failed.id, retry.id]
