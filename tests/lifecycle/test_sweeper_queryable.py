"""Tests of deadlines of verifications at queryable providers. Such a provider decides which deadlines have passed.

The sweeper concludes only verifications that the provider has never accepted, because these can't be queried: a day after their `expiresAt`.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import httpx2
import pytest

from domain.event import Actor, Progress
from domain.request import ProviderReference
from domain.status import Status
from domain.verification import Verification
from lifecycle.creation import Creation
from lifecycle.sweeper import Chore, Periods, chores, sweep
from providers.choice import Providers
from providers.external import External
from providers.port import ProviderPort
from providers.yousign import Yousign
from store.verifications import Store
from tests.clock import Clock
from tests.factories import NOON, WINDOWS, a_verification, later
from tests.fakes.yousign import FakeYousign
from tests.providers.test_yousign import section
from tests.storing import changes_at, links_for_tests

YOUSIGN = ProviderReference("yousign", None, "https://provider.example/start")
INSTANT = timedelta(milliseconds=1)


def with_yousign(*workspaces: str) -> Providers:
    """A choice of providers in which these workspaces have Yousign, and all other workspaces `external`."""
    adapter: ProviderPort = Yousign(httpx2.AsyncClient(), section(FakeYousign(url="http://127.0.0.1:1")), lambda *_: None)
    return Providers(External(), dict.fromkeys(workspaces, adapter))


def expiring(store: Store, providers: Providers) -> list[Chore]:
    """The sweeper's chores that apply deadlines."""
    changes = changes_at(store, providers)
    return [
        chore
        for chore in chores(store, providers, changes, Creation(store, providers, links_for_tests(), lambda *_: None), Periods())
        if chore.done.startswith("expired")
    ]


async def swept(store: Store, providers: Providers) -> list[int]:
    """Run the chores that apply deadlines. Returns how many verifications each of them changed."""
    return [await sweep(chore) for chore in expiring(store, providers)]


async def added(store: Store, number: int | None, workspace: str = "acme", step: Progress | None = None) -> Verification:
    """Store a verification with the provider Yousign. `number`: the number in its id there; None if Yousign has not accepted it. `step`: the step of
    the individual that is recorded in it.
    """
    provider = replace(YOUSIGN, id=f"video-{number}") if number is not None else replace(YOUSIGN, url=None)
    verification = a_verification(workspace=workspace, provider=provider)
    return await store.within(workspace).add(verification.progressed(step, WINDOWS, NOON) if step else verification)


@pytest.mark.parametrize(
    ("step", "deadline"), [(None, later(days=7)), (Progress.LINK_OPENED, later(minutes=15)), (Progress.CAPTURE_STARTED, later(days=7))]
)
async def test_neither_reads_nor_mutations_nor_the_sweeper_conclude_at_the_deadline(
    store: Store, clock: Clock, step: Progress | None, deadline: datetime
) -> None:
    providers = with_yousign("acme")
    changes, pending = changes_at(store, providers), await added(store, 1, step=step)
    clock.now = max(deadline, later(days=8)) - INSTANT

    assert await swept(store, providers) == [0, 0]
    assert (await changes.required(store.within("acme"), pending.id)).status is Status.PENDING
    assert (await changes.report_progress("acme", pending.id, Progress.CAPTURE_COMPLETED)).status is Status.PENDING
    assert (await changes.close("acme", pending.id, None)).events[-1].actor is Actor.INTEGRATOR


async def test_the_sweeper_concludes_nothing_without_a_query(store: Store, clock: Clock) -> None:
    providers = with_yousign("acme")
    pending = await added(store, 1)
    clock.now = later(days=30)

    assert await swept(store, providers) == [0, 0]
    assert not await changes_at(store, providers).expire("acme", pending.id)
    assert (await changes_at(store, providers).required(store.within("acme"), pending.id)).status is Status.PENDING


async def test_what_the_provider_never_accepted_expires_a_day_late_and_a_read_does_not_apply_that(store: Store, clock: Clock) -> None:
    providers = with_yousign("acme")
    pending = await added(store, None)
    clock.now = later(days=8) - INSTANT
    assert await swept(store, providers) == [0, 0]
    clock.now = later(days=8)

    read = await changes_at(store, providers).required(store.within("acme"), pending.id)
    done = await swept(store, providers)

    found = await store.within("acme").require(pending.id)
    assert (read.status, done) == (Status.PENDING, [0, 1])
    assert (found.status, found.reasons, found.events[-1].actor) == (Status.INCONCLUSIVE, ("IDVV_1101", "IDVV_1199"), Actor.SYSTEM)


@pytest.mark.parametrize("others", [(), ("other",)])
async def test_the_ordinary_deadlines_apply_once_the_file_no_longer_names_the_provider(store: Store, clock: Clock, others: tuple[str, ...]) -> None:
    swept_one, read_one = await added(store, 1, step=Progress.LINK_OPENED), await added(store, 2, step=Progress.LINK_OPENED)
    theirs = await added(store, 3, "other", Progress.LINK_OPENED)
    clock.now = later(minutes=15)
    assert await swept(store, with_yousign("acme", "other")) == [0, 0]

    providers = with_yousign(*others)
    read = await changes_at(store, providers).required(store.within("acme"), read_one.id)
    done = await swept(store, providers)

    assert read.reasons == ("IDVV_1121",)
    assert sum(done) == 2 - len(others)
    assert (await store.within("acme").require(swept_one.id)).reasons == ("IDVV_1121",)
    assert (await store.within("other").require(theirs.id)).status is (Status.PENDING if others else Status.INCONCLUSIVE)


async def test_verifications_for_whose_verdict_the_gateway_waits_are_not_read_in_each_round(store: Store, clock: Clock) -> None:
    providers = with_yousign("acme")
    waiting = [await added(store, None) for _ in range(5)]
    await added(store, 1, step=Progress.LINK_OPENED)
    ordinary = await store.within("acme").add(a_verification(provider=ProviderReference("external", None, "https://provider.example/start")))
    clock.now = later(days=7)

    often, seldom = expiring(store, providers)

    assert [entry.id for entry in await often.due(None)] == [ordinary.id]
    assert await seldom.due(None) == []
    assert seldom.rarity > often.rarity == 1
    clock.now = later(days=8)
    assert [entry.id for entry in await seldom.due(None)] == [verification.id for verification in waiting]


@pytest.mark.parametrize("name", [None, "sandbox", "external"])
async def test_the_sweeper_concludes_for_each_provider_that_cannot_be_queried(store: Store, clock: Clock, name: str | None) -> None:
    pending = a_verification(provider=ProviderReference(name or "", None, "https://provider.example/start"))
    await store.within("acme").add(pending)
    clock.now = later(days=7)

    assert await swept(store, with_yousign("acme")) == [1, 0]
