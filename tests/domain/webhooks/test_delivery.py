"""Tests the webhook of an event, and the schedule of the tries."""

import json
from datetime import timedelta

from domain.delivery import RETRY_MINUTES, outgoing_webhook, pause_after
from domain.event import Actor, Progress
from domain.result import Result
from domain.status import Status
from tests.factories import FAILED_RESULT, INCONCLUSIVE_RESULT, NOON, WINDOWS, a_verification, later


def test_the_body_shows_the_verification_as_it_was_after_the_event() -> None:
    verification = a_verification().progressed(Progress.LINK_OPENED, WINDOWS, later(minutes=1)).concluded(FAILED_RESULT, later(minutes=2))

    first, second, third = (outgoing_webhook(verification, event) for event in verification.events)

    assert third.id == f"{verification.id}.3"
    assert third.body == {
        "type": "verification.status_changed",
        "timestamp": "2026-03-02T12:02:00.000Z",
        "data": {
            "id": verification.id,
            "workspace": "acme",
            "chain": verification.id,
            "attempt": 1,
            "version": 3,
            "status": "FAILED",
            "phase": "DONE",
            "reasonCodes": ["IDVV_2101", "IDVV_1301"],
            "reference": "order-1",
        },
    }
    assert [(each.body["data"]["status"], each.body["data"]["phase"]) for each in (first, second)] == [
        ("PENDING", "AWAITING_INDIVIDUAL"),
        ("PENDING", "IN_SESSION"),
    ]
    assert first.body["data"]["reasonCodes"] == []


def test_the_body_contains_internal_codes_and_no_personal_data() -> None:
    fraud = Result.reported(Status.FAILED, ["IDVV_2301"])
    verification = a_verification().concluded(fraud, NOON)

    bodies = [outgoing_webhook(verification, event).body for event in verification.events]

    assert bodies[-1]["data"]["reasonCodes"] == ["IDVV_2301"]
    text = json.dumps(bodies)
    assert not [value for value in ("Jeanne", "Moreau", "shop.example", "provider.example") if value in text]


def test_an_ignored_result_shows_the_status_that_stands() -> None:
    verification = a_verification().concluded(FAILED_RESULT, NOON).concluded(INCONCLUSIVE_RESULT, NOON)

    body = outgoing_webhook(verification, verification.events[-1]).body

    assert (body["type"], body["data"]["status"]) == ("verification.result_ignored", "FAILED")
    assert body["data"]["reasonCodes"] == ["IDVV_2101", "IDVV_1301"]


def test_an_anonymized_verification_has_webhooks_for_all_events() -> None:
    verification = a_verification().concluded(FAILED_RESULT, NOON).anonymized(Actor.INTEGRATOR, NOON, erasing_references=True)

    bodies = [outgoing_webhook(verification, event).body for event in verification.events]

    assert [body["data"]["reference"] for body in bodies] == [None] * 3


def test_the_pauses_lead_to_the_minutes_after_the_first_try() -> None:
    after, tries = timedelta(), []
    for number in range(1, len(RETRY_MINUTES) + 1):
        pause = pause_after(number)
        assert pause
        after += pause
        tries.append(after)

    assert tries == [timedelta(minutes=minutes) for minutes in (2, 6, 30, 60, 300, 1080, 1440, 2880)]
    assert pause_after(9) is None
