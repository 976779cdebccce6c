"""Tests of the intake of webhooks, against a real MongoDB and a fake of Yousign, which is a real HTTP server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from domain.errors import BadDocument, NoProvider
from domain.event import Actor, EventType
from domain.request import ProviderReference
from domain.status import Status
from domain.verification import Verification
from domain.webhook import ReceivedWebhook, WebhookState
from lifecycle import intake as intakes
from lifecycle.intake import DOCUMENT_PAUSES, MAX_TRIES, RARE_PAUSE, UNMATCHED_AFTER, Intake
from lifecycle.sweeper import sweep
from providers.choice import Providers
from providers.external import External
from providers.reports import BadSignature
from providers.yousign import Yousign
from store.inbox import CLAIM, entry_id
from store.verifications import Store
from tests.clock import Clock
from tests.factories import NOON, WINDOWS, a_verification, later
from tests.fakes.yousign import FakeYousign, Fault, fake_yousign
from tests.providers.test_yousign import section
from tests.storing import changes_at, stored_verifications

DOCUMENT = {"full_name": "Jeanne Moreau", "born_on": "1990-01-23", "type": "passport", "issuing_country_code": "fr"}


@dataclass
class Receiver:
    """A gateway process that receives webhooks of the fake for the workspace `acme`.

    `counted`: the outcomes of webhooks that the process counted. `unusual`: one None for each result with unusual codes.
    """

    store: Store
    fake: FakeYousign
    intake: Intake
    counted: list[str] = field(default_factory=list)
    unusual: list[None] = field(default_factory=list)

    async def video(self, **changed: Any) -> str:
        """Start a verification at the fake, and store it. Returns its id at the fake."""
        id = await self.orphan()
        await self.store.within("acme").add(self.of(id, **changed))
        return id

    async def orphan(self) -> str:
        """Start a verification at the fake without storing it in the gateway. Returns its id at the fake."""
        headers = {"authorization": f"Bearer {self.fake.api_key}"}
        body = {"first_name": "Jeanne", "last_name": "Moreau", "redirection_url": "https://shop.example/welcome"}
        async with httpx2.AsyncClient(trust_env=False) as client:
            id: str = (await client.post(f"{self.fake.url}/v3/verifications/identity_videos", json=body, headers=headers)).json()["id"]
        return id

    def of(self, id: str, **changed: Any) -> Verification:
        """A new verification, which is not stored, whose id at the fake is `id`."""
        return a_verification(provider=ProviderReference("yousign", id, "https://provider.example"), **changed)

    async def deliver(self, content: bytes, headers: dict[str, str]) -> None:
        """Receive a webhook, and wait until it is applied."""
        task = await self.intake.receive("acme", content, headers)
        if task:
            await task

    async def decide(self, id: str, status: str, codes: list[str] | None = None, document: dict[str, Any] | None = None, **changed: Any) -> None:
        """Decide an outcome at the fake, and receive the webhook about it."""
        self.fake.decide(id, status, codes, document)
        await self.deliver(*self.fake.webhook(id, **changed))

    async def stored(self) -> Verification:
        """The only stored verification."""
        [verification] = await stored_verifications(self.store)
        return verification

    async def entries(self) -> list[ReceivedWebhook]:
        """All entries of the inbox."""
        return await self.store.inbox.newest(None, list(WebhookState), 1000)

    async def entry(self) -> ReceivedWebhook:
        """The only entry of the inbox."""
        [entry] = await self.entries()
        return entry


@asynccontextmanager
async def receiving(store: Store, fake: FakeYousign) -> AsyncIterator[Receiver]:
    """A context with a process that receives webhooks."""
    async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
        providers = Providers(None, {"acme": Yousign(client, section(fake), lambda *_: None), "other": External()})
        counted: list[str] = []
        unusual: list[None] = []
        changes = changes_at(store, providers)
        intake = Intake(store, providers, changes, lambda provider, outcome: counted.append(outcome), lambda: unusual.append(None), write_seconds=5)
        yield Receiver(store, fake, intake, counted, unusual)
        await intake.end()


@pytest.fixture
async def fake() -> AsyncIterator[FakeYousign]:
    """A running fake of Yousign."""
    async with fake_yousign() as running:
        yield running


@pytest.fixture
async def receiver(store: Store, fake: FakeYousign) -> AsyncIterator[Receiver]:
    """A process that receives webhooks."""
    async with receiving(store, fake) as running:
        yield running


def events(verification: Verification) -> list[tuple[EventType, Actor]]:
    """The types and actors of a verification's events after the first one."""
    return [(event.type, event.actor) for event in verification.events[1:]]


CHANGED = (EventType.STATUS_CHANGED, Actor.PROVIDER)
ADDED = (EventType.DOCUMENT_ADDED, Actor.PROVIDER)
IGNORED = (EventType.RESULT_IGNORED, Actor.PROVIDER)


async def test_a_verdict_is_applied_with_its_document(receiver: Receiver) -> None:
    id = await receiver.video()

    await receiver.decide(id, "verified", document=DOCUMENT, event_id="event-1")

    stored, entry = await receiver.stored(), await receiver.entry()
    assert (stored.status, events(stored)) == (Status.VERIFIED, [CHANGED])
    assert stored.extracted
    assert stored.extracted.open().full_name == "Jeanne Moreau"
    assert stored.extracted.open().issuing_country_code == "FR"
    assert stored.events[-1].source_id == "event-1"
    assert (entry.id, entry.state, entry.next, entry.verification_id) == ("acme/event-1", WebhookState.APPLIED, None, stored.id)
    assert receiver.counted == ["received", "applied"]


async def test_the_inbox_has_nothing_of_the_document_and_of_the_body(receiver: Receiver) -> None:
    id = await receiver.video()

    await receiver.decide(id, "verified", document=DOCUMENT, subscription_description="canary")

    [entry] = await receiver.store.database["inbox"].find().to_list(None)
    assert "Jeanne" not in str(entry)
    assert "canary" not in str(entry)


async def test_many_copies_at_once_leave_one_event_and_one_entry(receiver: Receiver) -> None:
    id = await receiver.video()
    receiver.fake.decide(id, "failed", ["IDVV_2101"])
    webhook = receiver.fake.webhook(id)

    await asyncio.gather(*(receiver.deliver(*webhook) for _ in range(20)))

    assert events(await receiver.stored()) == [CHANGED]
    assert (await receiver.entry()).state is WebhookState.APPLIED
    assert sorted(receiver.counted) == ["applied", "received", *["repeated"] * 19]


@pytest.mark.parametrize(
    ("status", "codes", "stored_codes", "remark"),
    [
        ("failed", [], (), "reasonCodes was empty for failed"),
        ("inconclusive", ["IDVV_2101"], ("IDVV_2101",), "reasonCodes had codes that do not go with inconclusive"),
        ("verified", ["IDVV_2101"], ("IDVV_2101",), "reasonCodes was not empty for verified"),
        (
            "failed",
            [f"X_{n}" for n in range(51)],
            tuple(f"X_{n}" for n in range(50)),
            "reasonCodes had more than 50 codes, and the rest was left out",
        ),
        ("failed", ["Jeanne Moreau", "IDVV_2101"], ("IDVV_2101",), "reasonCodes had texts that are no codes, and they were left out"),
    ],
)
async def test_an_unusual_result_is_a_fact_with_a_note(
    receiver: Receiver, status: str, codes: list[str], stored_codes: tuple[str, ...], remark: str
) -> None:
    id = await receiver.video()

    await receiver.decide(id, status, codes)

    stored = await receiver.stored()
    assert (stored.status.value, stored.reasons, stored.events[-1].note) == (status, stored_codes, remark)
    assert receiver.unusual == [None]


async def test_a_usual_result_has_no_note(receiver: Receiver) -> None:
    id = await receiver.video()

    await receiver.decide(id, "failed", ["IDVV_2101", "NEW_CODE", "IDVV_2101"])

    stored = await receiver.stored()
    assert (stored.reasons, stored.events[-1].note, receiver.unusual) == (("IDVV_2101", "NEW_CODE"), None, [])


async def test_a_forged_webhook_is_not_recorded(receiver: Receiver) -> None:
    id = await receiver.video()
    receiver.fake.decide(id, "verified")
    content, headers = receiver.fake.webhook(id)

    with pytest.raises(BadSignature):
        await receiver.intake.receive("acme", content.replace(b"verified", b"failed"), headers)

    assert (await receiver.entries(), receiver.counted) == ([], ["forged"])
    assert (await receiver.stored()).version == 1


@pytest.mark.parametrize("workspace", ["other", "unknown"])
async def test_a_workspace_without_webhooks_receives_none(receiver: Receiver, workspace: str) -> None:
    id = await receiver.video()

    with pytest.raises(NoProvider):
        await receiver.intake.receive(workspace, *receiver.fake.webhook(id))

    assert await receiver.entries() == []


async def test_a_pending_status_and_other_events_are_kept_as_ignored(receiver: Receiver) -> None:
    id = await receiver.video()

    await receiver.deliver(*receiver.fake.webhook(id))
    receiver.fake.decide(id, "verified")
    await receiver.deliver(*receiver.fake.webhook(id, event_name="signature_request.done"))

    assert [(entry.state, entry.next) for entry in await receiver.entries()] == [(WebhookState.IGNORED, None)] * 2
    assert receiver.counted == ["ignored", "ignored"]
    assert (await receiver.stored()).version == 1


async def test_the_mark_of_the_providers_sandbox_is_recorded(receiver: Receiver) -> None:
    id = await receiver.video()

    await receiver.decide(id, "failed", ["IDVV_2101"], sandbox=False)
    await receiver.decide(id, "failed", ["IDVV_2101"], sandbox=True)

    assert {entry.sandbox for entry in await receiver.entries()} == {True, False}


async def test_a_webhook_that_arrives_before_the_providers_id_is_stored_is_applied_later(receiver: Receiver, clock: Clock) -> None:
    id = await receiver.orphan()

    await receiver.decide(id, "verified", document=DOCUMENT)

    assert (await receiver.entry()).state is WebhookState.WAITING
    await receiver.store.within("acme").add(receiver.of(id))
    assert await sweep(receiver.intake.chore) == 0
    clock.now = later(seconds=2)
    assert await sweep(receiver.intake.chore) == 1
    assert (await receiver.stored()).status is Status.VERIFIED


async def test_an_unmatched_webhook_is_shown_after_ten_minutes_and_still_finds_its_verification(receiver: Receiver, clock: Clock) -> None:
    id = await receiver.orphan()
    await receiver.decide(id, "verified")
    for seconds in range(2, 603, 60):
        clock.now = later(seconds=seconds)
        await sweep(receiver.intake.chore)

    unmatched = await receiver.entry()
    assert (unmatched.state, unmatched.next) == (WebhookState.UNMATCHED, clock.now + RARE_PAUSE)
    assert clock.now - unmatched.received_at >= UNMATCHED_AFTER
    assert receiver.counted == ["received", "unmatched"]
    await receiver.store.within("acme").add(receiver.of(id))
    clock.now += RARE_PAUSE
    assert await sweep(receiver.intake.chore) == 1
    assert (await receiver.stored()).status is Status.VERIFIED
    assert (await receiver.entry()).state is WebhookState.APPLIED


async def test_a_verification_of_another_provider_or_workspace_with_the_same_id_is_not_changed(receiver: Receiver) -> None:
    id = await receiver.orphan()
    await receiver.store.within("acme").add(a_verification(provider=ProviderReference("external", id, "https://provider.example")))
    await receiver.store.within("other").add(receiver.of(id, workspace="other"))

    await receiver.decide(id, "verified")

    assert (await receiver.entry()).state is WebhookState.WAITING
    assert [stored.version for stored in await stored_verifications(receiver.store)] == [1, 1]


@pytest.mark.parametrize("fault", [Fault.LIMITED, Fault.AWAY, Fault.ERROR, Fault.CUT, Fault.DENIED, Fault.BAD_BODY])
async def test_a_verdict_does_not_wait_for_a_document_that_cant_be_read(receiver: Receiver, clock: Clock, fault: Fault) -> None:
    id = await receiver.video()
    receiver.fake.order("GET", fault)

    await receiver.decide(id, "verified", document=DOCUMENT, event_id="event-1")

    stored, entry = await receiver.stored(), await receiver.entry()
    assert (stored.status, stored.extracted) == (Status.VERIFIED, None)
    assert (entry.state, entry.next) == (WebhookState.APPLIED, later(seconds=DOCUMENT_PAUSES[0]))
    clock.now = later(seconds=DOCUMENT_PAUSES[0])
    assert await sweep(receiver.intake.chore) == 1
    stored = await receiver.stored()
    assert events(stored) == [CHANGED, ADDED]
    assert [event.source_id for event in stored.events[1:]] == ["event-1", None]
    assert (await receiver.entry()).next is None


async def test_what_is_unusual_about_a_verdict_is_noted_and_counted_once(receiver: Receiver, clock: Clock) -> None:
    id = await receiver.video()
    receiver.fake.order("GET", Fault.AWAY)

    await receiver.decide(id, "verified", ["IDVV_2101"], DOCUMENT)
    clock.now = later(seconds=DOCUMENT_PAUSES[0])
    await sweep(receiver.intake.chore)

    notes = [event.note for event in (await receiver.stored()).events[1:]]
    assert notes == ["reasonCodes was not empty for verified", "extractedDocument.issuingCountryCode was repaired"]
    assert (receiver.unusual, receiver.counted) == ([None], ["received", "applied"])


async def test_a_verdict_waits_only_some_seconds_for_its_document(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "DOCUMENT_SECONDS", 0.1)
    id = await receiver.video()
    receiver.fake.order("GET", Fault.LATE)

    await receiver.decide(id, "verified", document=DOCUMENT)

    stored, entry = await receiver.stored(), await receiver.entry()
    assert (stored.status, stored.extracted) == (Status.VERIFIED, None)
    assert entry.next == later(seconds=DOCUMENT_PAUSES[0])


async def test_a_document_counts_only_with_the_signed_status(receiver: Receiver) -> None:
    id = await receiver.video()
    receiver.fake.decide(id, "verified")
    webhook = receiver.fake.webhook(id)
    receiver.fake.decide(id, "failed", ["IDVV_2101"], DOCUMENT)

    await receiver.deliver(*webhook)

    stored = await receiver.stored()
    assert (stored.status, stored.extracted) == (Status.VERIFIED, None)
    assert (await receiver.entry()).next is not None


async def test_reading_a_document_is_given_up_with_a_note(receiver: Receiver, clock: Clock) -> None:
    id = await receiver.video()
    receiver.fake.order("GET", *[Fault.ERROR] * (len(DOCUMENT_PAUSES) + 1))

    await receiver.decide(id, "verified", document=DOCUMENT)
    for pause in DOCUMENT_PAUSES:
        clock.now += timedelta(seconds=pause)
        assert await sweep(receiver.intake.chore) == 1

    entry = await receiver.entry()
    assert (entry.state, entry.next, entry.note) == (WebhookState.APPLIED, None, "the document could not be read from the provider")
    assert (await receiver.stored()).extracted is None
    assert receiver.counted[-1] == "without document"


async def test_an_inconclusive_verification_is_not_read(receiver: Receiver) -> None:
    id = await receiver.video()

    await receiver.decide(id, "inconclusive", ["IDVV_1314"])

    assert [method for method, _ in receiver.fake.requests] == ["POST"]
    assert (await receiver.entry()).next is None


async def test_a_second_verdict_is_ignored_and_kept(receiver: Receiver) -> None:
    id = await receiver.video()
    await receiver.decide(id, "verified", document=DOCUMENT)

    await receiver.decide(id, "failed", ["IDVV_2101"])

    stored = await receiver.stored()
    assert (stored.status, events(stored)) == (Status.VERIFIED, [CHANGED, IGNORED])
    assert {entry.state for entry in await receiver.entries()} == {WebhookState.APPLIED}
    assert {entry.next for entry in await receiver.entries()} == {None}


async def test_a_late_verdict_replaces_an_outcome_of_the_system(receiver: Receiver) -> None:
    id = await receiver.orphan()
    await receiver.store.within("acme").add(receiver.of(id).expired(NOON + WINDOWS.verification))

    await receiver.decide(id, "verified", document=DOCUMENT)

    stored = await receiver.stored()
    assert (stored.status, events(stored)) == (Status.VERIFIED, [(EventType.STATUS_CHANGED, Actor.SYSTEM), CHANGED])
    assert stored.extracted


async def test_another_process_applies_what_a_process_left_in_the_inbox(receiver: Receiver, store: Store, fake: FakeYousign, clock: Clock) -> None:
    id = await receiver.video()
    fake.decide(id, "verified", document=DOCUMENT)
    async with receiving(store, fake) as killed:
        task = await killed.intake.receive("acme", *fake.webhook(id))
        assert task
        task.cancel()

    assert await sweep(receiver.intake.chore) == 0
    clock.now = NOON + CLAIM
    assert await sweep(receiver.intake.chore) == 1

    assert events(await receiver.stored()) == [CHANGED]
    assert (await receiver.entry()).state is WebhookState.APPLIED


async def test_two_processes_that_sweep_at_once_apply_an_entry_once(receiver: Receiver, store: Store, fake: FakeYousign, clock: Clock) -> None:
    id = await receiver.orphan()
    await receiver.decide(id, "verified", document=DOCUMENT)
    await store.within("acme").add(receiver.of(id))
    clock.now = later(minutes=1)

    async with receiving(store, fake) as another:
        swept = await asyncio.gather(sweep(receiver.intake.chore), sweep(another.intake.chore))

    assert sum(swept) == 1
    assert events(await receiver.stored()) == [CHANGED]


async def test_a_repeated_application_changes_nothing(receiver: Receiver) -> None:
    id = await receiver.video()
    await receiver.decide(id, "verified", document=DOCUMENT, event_id="event-1")
    before = await receiver.stored()

    assert await receiver.intake.reapply(entry_id("acme", "event-1"))

    assert await receiver.stored() == before


async def test_only_an_outcome_can_be_applied_again(receiver: Receiver) -> None:
    id = await receiver.video()
    await receiver.deliver(*receiver.fake.webhook(id, event_id="event-1"))

    assert not await receiver.intake.reapply(entry_id("acme", "event-1"))
    assert not await receiver.intake.reapply(entry_id("acme", "event-2"))


async def test_what_cant_be_applied_is_given_up_in_the_end_and_can_be_applied_again(receiver: Receiver, clock: Clock) -> None:
    id = await receiver.video()
    await receiver.store.collection.update_one({}, {"$set": {"version": "one"}})
    receiver.fake.decide(id, "verified")

    with pytest.raises(BadDocument):
        await receiver.deliver(*receiver.fake.webhook(id, event_id="event-1"))
    for _ in range(MAX_TRIES - 1):
        clock.now += timedelta(days=1)
        await sweep(receiver.intake.chore)

    failed = await receiver.entry()
    assert (failed.state, failed.next, failed.note) == (WebhookState.FAILED, None, "it could not be applied (BadDocument)")
    assert receiver.counted == ["received", "failed"]
    await receiver.store.collection.update_one({}, {"$set": {"version": 1}})
    assert await receiver.intake.reapply(entry_id("acme", "event-1"))
    assert (await receiver.stored()).status is Status.VERIFIED


async def test_an_event_without_an_id_is_recognized_when_it_is_repeated(receiver: Receiver) -> None:
    id = await receiver.video()
    receiver.fake.decide(id, "failed", ["IDVV_2101"])
    content, _ = receiver.fake.webhook(id)
    without = json.dumps({**json.loads(content), "event_id": None}).encode()

    for _ in range(2):
        await receiver.deliver(without, receiver.fake.signed(without))

    assert events(await receiver.stored()) == [CHANGED]
    assert len(await receiver.entries()) == 1
