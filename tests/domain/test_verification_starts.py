"""Tests of the rules for a verification that is started at a provider over the network, and for deadlines about which the provider decides."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.deadlines import PROVIDER_PATIENCE
from domain.event import Actor, EventType, Progress
from domain.request import ProviderReference, RetryRequest
from domain.requirements import Requirements
from domain.status import Status
from domain.verification import LOST, Verification
from tests.factories import INCONCLUSIVE_RESULT, NOON, VERIFIED_RESULT, WINDOWS, a_verification, a_verification_after, later, retried

PENDING_START = ProviderReference("yousign", None, None)
ACCEPTED = ProviderReference("yousign", "video-1", "https://provider.example/video-1")
INSTANT = timedelta(milliseconds=1)


def a_verification_to_start() -> Verification:
    """A verification that its provider has not accepted yet."""
    return a_verification(provider=PENDING_START)


def test_an_accepted_verification_has_the_providers_reference() -> None:
    accepted = a_verification_to_start().accepted(ACCEPTED, later(seconds=1))

    event = accepted.events[-1]
    assert (accepted.provider, accepted.verification_url, accepted.started) == (ACCEPTED, ACCEPTED.url, True)
    assert (event.type, event.actor, event.version, accepted.version) == (EventType.PROVIDER_STARTED, Actor.PROVIDER, 2, 2)
    assert accepted.accepted(replace(ACCEPTED, id="video-2"), later(seconds=2)) is accepted


@pytest.mark.parametrize("anonymized", [False, True])
def test_a_final_verification_still_gets_the_id_but_an_anonymized_one_no_link(anonymized: bool) -> None:
    final = a_verification_to_start().closed_by_integrator(None, NOON)
    final = final.anonymized(Actor.INTEGRATOR, NOON) if anonymized else final

    accepted = final.accepted(ACCEPTED, NOON)

    assert (accepted.status, accepted.reasons, accepted.completed_at) == (final.status, (), final.completed_at)
    assert accepted.provider == (replace(ACCEPTED, url=None) if anonymized else ACCEPTED)
    assert accepted.verification_url is None


@pytest.mark.parametrize(("field", "note"), [("firstName", "the provider refused firstName"), (None, "the provider refused the verification")])
def test_a_refused_verification_is_inconclusive_by_the_provider_without_a_code(field: str | None, note: str) -> None:
    refused = a_verification_to_start().refused(field, NOON)

    assert (refused.status, refused.reasons, refused.events[-1].actor, refused.events[-1].note) == (Status.INCONCLUSIVE, (), Actor.PROVIDER, note)
    assert (refused.refused_by_provider, refused.can_retry, refused.billable) == (True, True, False)


def test_only_a_refusal_counts_as_refused() -> None:
    start = a_verification_to_start()

    others = [
        start,
        start.accepted(ACCEPTED, NOON),
        start.unanswered(NOON),
        start.closed_by_integrator(None, NOON),
        start.concluded(INCONCLUSIVE_RESULT, NOON),
        start.accepted(ACCEPTED, NOON).concluded(VERIFIED_RESULT, NOON),
    ]

    assert [other.refused_by_provider for other in others] == [False] * len(others)


def test_an_unanswered_verification_is_inconclusive_by_the_system_and_a_late_verdict_replaces_that() -> None:
    unanswered = a_verification_to_start().unanswered(NOON)

    verdict = unanswered.concluded(VERIFIED_RESULT, later(days=1))

    assert (unanswered.status, unanswered.reasons, unanswered.events[-1].actor) == (Status.INCONCLUSIVE, (), Actor.SYSTEM)
    assert verdict.status is Status.VERIFIED


def test_neither_a_refusal_nor_silence_changes_what_was_accepted_or_is_final() -> None:
    accepted, closed = a_verification_to_start().accepted(ACCEPTED, NOON), a_verification_to_start().closed_by_integrator(None, NOON)

    for verification in (accepted, closed):
        assert verification.refused(None, NOON) is verification
        assert verification.unanswered(NOON) is verification


def test_a_verification_that_the_provider_lost_stays_pending_until_it_is_closed_or_a_verdict_arrives() -> None:
    accepted = a_verification_to_start().accepted(ACCEPTED, NOON)

    lost = accepted.lost(later(hours=1))

    event = lost.events[-1]
    assert (lost.status, lost.due, event.type, event.actor, event.note) == (
        Status.PENDING,
        accepted.due,
        EventType.PROVIDER_LOST,
        Actor.PROVIDER,
        LOST,
    )
    assert (accepted.can_be_queried, lost.can_be_queried, lost.lost_by_provider) == (True, False, True)
    assert lost.lost(later(hours=2)) is lost
    assert lost.closed_by_integrator(None, later(hours=2)).closed
    assert lost.concluded(VERIFIED_RESULT, later(hours=2)).status is Status.VERIFIED


def test_only_a_pending_verification_that_was_accepted_can_be_queried() -> None:
    final = a_verification_to_start().accepted(ACCEPTED, NOON).concluded(INCONCLUSIVE_RESULT, NOON)

    assert final.lost(NOON) is final
    assert [a_verification_to_start().can_be_queried, final.can_be_queried] == [False, False]


def test_a_retry_has_the_requirements_of_the_attempt() -> None:
    required = a_verification(requirements=Requirements(min_age=18)).concluded(INCONCLUSIVE_RESULT, NOON)

    _, successor = retried(required)

    assert successor.requirements == required.retry_request(RetryRequest()).requirements == Requirements(min_age=18)
    assert successor.start_request().requirements == Requirements(min_age=18)


@pytest.mark.parametrize(
    ("progress", "reasons"),
    [(None, ("IDVV_1101", "IDVV_1199")), (Progress.LINK_OPENED, ("IDVV_1199",)), (Progress.CAPTURE_STARTED, ("IDVV_1199",))],
)
def test_without_a_verdict_the_gateway_concludes_a_day_after_the_expiry(progress: Progress | None, reasons: tuple[str, ...]) -> None:
    verification = a_verification_after(progress)
    end = verification.expires_at + PROVIDER_PATIENCE

    assert verification.expired_without_verdict(end - INSTANT) is verification
    expired = verification.expired_without_verdict(end)
    assert (expired.status, expired.reasons, expired.events[-1].actor) == (Status.INCONCLUSIVE, reasons, Actor.SYSTEM)


def test_a_completed_capture_waits_for_the_provider_for_good() -> None:
    verification = a_verification_after(Progress.CAPTURE_COMPLETED)

    assert verification.expired_without_verdict(later(days=400)) is verification


def test_where_the_provider_decides_progress_and_a_close_ignore_deadlines() -> None:
    opened = a_verification_after(Progress.LINK_OPENED)
    late = later(hours=1)

    assert opened.progressed(Progress.CAPTURE_STARTED, WINDOWS, late, may_expire=False).capture_started_at == late
    assert opened.progressed(Progress.CAPTURE_STARTED, WINDOWS, late).reasons == ("IDVV_1121",)
    assert opened.closed_by_integrator(None, late, may_expire=False).closed
    assert not opened.closed_by_integrator(None, late).closed
