"""Tests that a whole chain of attempts can be anonymized, and what anonymization does to keys and references."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import BadDocument, IdempotencyConflict, InvalidInput, NotFinal, NotFound, NotRetryable
from domain.event import Actor, ClosingNote
from domain.request import Idempotency, RetryRequest
from domain.verification import Verification
from lifecycle.changes import Changes
from providers.choice import Providers
from providers.sandbox import Sandbox
from store.verifications import Store
from tests.clock import Clock
from tests.factories import FAILED_RESULT, INCONCLUSIVE_RESULT, REQUEST, VERIFIED_RESULT
from tests.storing import changes, changes_at, stored_documents, stored_verifications

KEY = Idempotency("order-1", "one")


async def a_chain(changes: Changes, length: int, last_is_final: bool = True) -> list[str]:
    """Create a chain of attempts. The last one is verified, or pending without `last_is_final`; all others are inconclusive. Returns their ids."""
    ids = [(await changes.create("acme", REQUEST)).id]
    while len(ids) < length:
        await changes.report_result("acme", ids[-1], replace(INCONCLUSIVE_RESULT, document=VERIFIED_RESULT.document))
        ids.append((await changes.retry("acme", ids[-1], RetryRequest())).id)
    if last_is_final:
        await changes.report_result("acme", ids[-1], VERIFIED_RESULT)
    return ids


def personal(verification: Verification) -> list[object]:
    """The values of a verification that are or contain personal data. Each is None if there is none."""
    return [verification.declared, verification.extracted, verification.provider.url, verification.closing_note]


@pytest.mark.parametrize("named", [0, 1, 2])
async def test_all_attempts_of_a_chain_are_anonymized_whichever_is_named(store: Store, named: int) -> None:
    here = changes(store)
    ids = await a_chain(here, 3)

    answer = await here.anonymize_chain("acme", ids[named])

    found = await stored_verifications(store)
    assert answer == found[named]
    assert [each.id for each in found] == ids
    assert all(each.anonymized_at and not any(personal(each)) for each in found)


@pytest.mark.parametrize("named", range(4))
@pytest.mark.parametrize("gone", [{1}, {2}, {0}, {3}, {1, 2}, {0, 2}])
async def test_all_remaining_attempts_are_anonymized_whichever_were_deleted(store: Store, gone: set[int], named: int) -> None:
    here = changes(store)
    ids = await a_chain(here, 4)
    await store.collection.delete_many({"_id": {"$in": [ids[each] for each in gone]}})

    if named in gone:
        with pytest.raises(NotFound):
            await here.anonymize_chain("acme", ids[named])
        return
    answer = await here.anonymize_chain("acme", ids[named])

    found = await stored_verifications(store)
    assert [each.id for each in found] == [id for place, id in enumerate(ids) if place not in gone]
    assert all(each.anonymized_at and not any(personal(each)) for each in found)
    assert answer in found
    assert answer.id == ids[named]


@pytest.mark.parametrize("links", [{}, {"next": "ver_elsewhere", "previous": "ver_elsewhere"}, {"next": 7, "previous": 7}])
async def test_attempts_are_found_by_their_chain_whatever_their_links_are(store: Store, links: dict[str, object]) -> None:
    here = changes(store)
    ids = await a_chain(here, 3)
    await store.collection.update_one({"_id": ids[1]}, {"$set": links} if links else {"$unset": {"next": "", "previous": ""}})

    await here.anonymize_chain("acme", ids[0])

    assert all("anonymizedAt" in each and "declared" not in each for each in await stored_documents(store))


@pytest.mark.parametrize(("field", "value"), [("status", "suspended"), ("attempt", "two"), ("chain", 7)])
@pytest.mark.parametrize("damaged", range(3))
async def test_a_chain_with_an_unreadable_attempt_is_refused_by_its_name_and_not_changed(
    store: Store, damaged: int, field: str, value: object
) -> None:
    here = changes(store)
    ids = await a_chain(here, 3)
    await store.collection.update_one({"_id": ids[damaged]}, {"$set": {field: value}})
    before = await stored_documents(store)

    for id in ids:
        with pytest.raises(BadDocument, match=f"{field} of {ids[damaged]} can't be read"):
            await here.anonymize_chain("acme", id)

    assert await stored_documents(store) == before


async def test_an_overdue_attempt_of_a_chain_becomes_final_before_its_anonymization(store: Store, clock: Clock) -> None:
    here = changes(store)
    ids = await a_chain(here, 2, last_is_final=False)
    clock.now += timedelta(days=7)

    await here.anonymize_chain("acme", ids[0])

    assert [(each.status.final, bool(each.anonymized_at)) for each in await stored_verifications(store)] == [(True, True)] * 2


async def test_a_chain_whose_newest_attempt_is_pending_is_not_changed(store: Store) -> None:
    here = changes(store)
    ids = await a_chain(here, 3, last_is_final=False)
    before = await stored_documents(store)

    for id in ids:
        with pytest.raises(NotFinal):
            await here.anonymize_chain("acme", id)

    assert await stored_documents(store) == before


async def test_repeating_finishes_the_rest_of_a_chain_and_changes_nothing_else(store: Store) -> None:
    here = changes(store)
    ids = await a_chain(here, 3)
    await here.anonymize("acme", ids[1])
    done = (await stored_documents(store))[1]

    await here.anonymize_chain("acme", ids[1])
    after = await stored_documents(store)
    await here.anonymize_chain("acme", ids[1])

    assert after[1] == done
    assert all("anonymizedAt" in each and "declared" not in each for each in after)
    assert await stored_documents(store) == after


async def test_a_retry_that_is_created_meanwhile_finds_no_names_or_stops_the_anonymization(store: Store) -> None:
    here = changes(store)
    for _ in range(15):
        first = (await here.create("acme", REQUEST)).id
        await here.report_result("acme", first, FAILED_RESULT)

        anonymized, retry = await asyncio.gather(
            here.anonymize_chain("acme", first), here.retry("acme", first, RetryRequest()), return_exceptions=True
        )

        found = await store.within("acme").require(first)
        if isinstance(retry, Verification):
            assert isinstance(anonymized, NotFinal)
            assert found.declared
        else:
            assert isinstance(retry, InvalidInput | NotRetryable)
            assert (found.next, found.declared) == (None, None)


async def test_a_key_conflicts_once_its_verification_is_anonymized(store: Store) -> None:
    here = changes(store)
    request = replace(REQUEST, idempotency=KEY)
    created = await here.create("acme", request)
    await here.report_result("acme", created.id, VERIFIED_RESULT)
    assert (await here.create("acme", request)).id == created.id

    await here.anonymize("acme", created.id)

    for key in (KEY, Idempotency("order-1", "two")):
        with pytest.raises(IdempotencyConflict):
            await here.create("acme", replace(request, idempotency=key))


async def test_references_are_erased_by_mutations_and_by_the_retention_if_the_setting_says_so(store: Store) -> None:
    erasing = changes_at(store, Providers(Sandbox("https://gateway.example", [b"a key for tests"])), erasing_references=True)
    request = replace(REQUEST, redirection_url="https://jeanne@shop.example:8443/jeanne?order=7#moreau")
    ids = [(await erasing.create("acme", request)).id for _ in range(3)]
    for id in ids:
        await erasing.report_result("acme", id, VERIFIED_RESULT)

    await changes(store).anonymize("acme", ids[0])
    kept = await erasing.anonymize("acme", ids[0])
    await erasing.anonymize("acme", ids[1])
    await erasing.forget("acme", ids[2])

    found = await stored_verifications(store)
    assert (kept.reference, kept.redirection_url) == (REQUEST.reference, request.redirection_url), "anonymizing again changes nothing"
    assert [(each.reference, each.redirection_url) for each in found[1:]] == [(None, "https://shop.example:8443")] * 2
    assert "reference" not in (await stored_documents(store))[1]


async def test_anonymization_erases_the_closing_note_even_after_an_older_release_left_it(store: Store, clock: Clock) -> None:
    here = changes(store)
    created = await here.create("acme", REQUEST)
    closed = await here.close("acme", created.id, ClosingNote("Jeanne has moved"))
    envelope = (await stored_documents(store))[0]["closingNote"]

    once = await here.anonymize("acme", created.id)
    assert "closingNote" not in (await stored_documents(store))[0]
    # An older release does not have the field `closingNote`, so it leaves the note in the document when it anonymizes.
    await store.collection.update_one({"_id": created.id}, {"$set": {"closingNote": envelope}})
    twice = await here.anonymize("acme", created.id)

    [document] = await stored_documents(store)
    assert closed.closing_note
    assert (once.version, twice.version, twice.anonymized_at) == (3, 4, once.anonymized_at)
    assert "closingNote" not in document
    assert [event["type"] for event in document["events"]] == ["created", "status_changed", "anonymized", "anonymized"]
    assert twice.events[-1].actor is Actor.INTEGRATOR
