"""Tests that a whole chain of attempts can be anonymized, and what anonymization does to keys and references."""

import asyncio
from dataclasses import replace

import pytest

from domain.errors import IdempotencyConflict, InvalidInput, NotFinal, NotRetryable
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
    """The ids of a new chain of attempts. All attempts but the last one are inconclusive; the last one is verified, or pending."""
    ids = [(await changes.create("acme", REQUEST)).id]
    while len(ids) < length:
        await changes.report_result("acme", ids[-1], replace(INCONCLUSIVE_RESULT, document=VERIFIED_RESULT.document))
        ids.append((await changes.retry("acme", ids[-1], RetryRequest())).id)
    if last_is_final:
        await changes.report_result("acme", ids[-1], VERIFIED_RESULT)
    return ids


def personal(verification: Verification) -> list[object]:
    """The personal data of a verification."""
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
