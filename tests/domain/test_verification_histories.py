"""Tests that the history of a chain of attempts stays consistent. Hypothesis makes random changes in random order, with a clock that jumps."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from domain.deadlines import Windows
from domain.errors import AlreadyFinal, InvalidInput, NotFinal, NotRetryable
from domain.event import Actor, ClosingNote, Event, EventType, Progress
from domain.request import Idempotency, RetryRequest
from domain.result import Result
from domain.status import Phase, Status
from domain.verification import REPORTERS, Verification
from tests.factories import NOON, PASSPORT, WINDOWS, a_provider, a_verification, an_id, retried

FAILED_CODES = ["IDVV_1201", "IDVV_1301", "IDVV_2101", "IDVV_2302", "IDVV_9998", "IDVV_9999"]
INCONCLUSIVE_CODES = ["IDVV_1101", "IDVV_1121", "IDVV_1199", "IDVV_1201", "IDVV_3001", "IDVV_9999"]
REACHED = {
    Progress.LINK_OPENED: "opened_at",
    Progress.CAPTURE_STARTED: "capture_started_at",
    Progress.CAPTURE_COMPLETED: "capture_completed_at",
}
# The instants that never change once they are set. `completed_at` moves if a verdict replaces an outcome of the system.
INSTANTS = (
    *("created_at", "expires_at", "opened_at", "link_deadline"),
    *("capture_started_at", "capture_completed_at", "anonymized_at"),
)
PHASES = list(Phase)

any_attempt = st.sampled_from([-1, -1, -1, 0, 1, 2])
any_source = st.none() | st.sampled_from(["event-1", "event-2", "event-3"])
any_document = st.none() | st.just(PASSPORT)
any_note = st.none() | st.just(ClosingNote("Jeanne has moved"))
any_windows = st.just(WINDOWS) | st.builds(
    Windows, st.integers(1, 3_600).map(lambda seconds: timedelta(seconds=seconds)), st.integers(1, 9).map(lambda days: timedelta(days=days))
)
any_jump = st.timedeltas(timedelta(hours=-1), timedelta(days=1)) | st.timedeltas(timedelta(0), timedelta(minutes=16))
near = st.sampled_from([timedelta(milliseconds=-1), timedelta(microseconds=-1), timedelta(0), timedelta(microseconds=1)])
any_names = st.sampled_from([RetryRequest(), RetryRequest("Jeanne"), *[RetryRequest("Jeanne", "Moreau")] * 2])


def some_of(codes: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(codes), min_size=1, max_size=3)


verified = st.builds(Result.reported, st.just(Status.VERIFIED), st.just([]), any_document, any_source)
failed = st.builds(Result.reported, st.just(Status.FAILED), some_of(FAILED_CODES), any_document, any_source)
inconclusive = st.builds(Result.reported, st.just(Status.INCONCLUSIVE), some_of(INCONCLUSIVE_CODES), any_document, any_source)
# Webhooks may report a result without a code, which `Result.reported` does not accept.
without_code = st.builds(Result, st.sampled_from([Status.FAILED, Status.INCONCLUSIVE]), st.just(()), any_document, any_source)
any_result = verified | failed | inconclusive | without_code


def personal(verification: Verification) -> tuple[object, ...]:
    fingerprint = verification.idempotency and verification.idempotency.fingerprint
    sealed = verification.declared, verification.extracted, verification.closing_note
    return *sealed, verification.provider.url, verification.verification_url, fingerprint


def identity(verification: Verification) -> tuple[object, ...]:
    return (
        verification.id,
        verification.workspace,
        (verification.chain, verification.attempt, verification.previous),
        (verification.provider.name, verification.provider.id),
        verification.face_recognition,
    )


def references(verification: Verification) -> tuple[str | None, str]:
    return verification.reference, verification.redirection_url


def outcomes(verification: Verification) -> list[Event]:
    return [event for event in verification.events if event.type is EventType.STATUS_CHANGED]


def without_closing_notes(events: tuple[Event, ...]) -> list[Event]:
    return [replace(event, closing_note=None) for event in events]


def instants(verification: Verification) -> dict[str, datetime]:
    """The name and the value of each instant that is set. Once an instant is set, it must never change."""
    values = {name: getattr(verification, name) for name in INSTANTS}
    return {name: instant for name, instant in values.items() if instant is not None}


def sources(verification: Verification) -> list[tuple[str, str]]:
    """The provider's event ids in the history, each with its kind ("result" or "step"). A result and a step may have the same id."""
    return [(kind(event.type), event.source_id) for event in verification.events if event.source_id]


def kind(type: EventType) -> str:
    return "result" if type in (EventType.STATUS_CHANGED, EventType.RESULT_IGNORED, EventType.DOCUMENT_ADDED) else "step"


class Histories(RuleBasedStateMachine):
    """A chain of attempts that changes at random, while the clock jumps and the settings change."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.attempts = [a_verification(idempotency=Idempotency("key-1", "fingerprint"))]
        # For each attempt, by id: the first result that the provider reported, and whether the integrator had closed the attempt before.
        self.verdicts: dict[str, tuple[Result, bool]] = {}

    @initialize(results=st.lists(st.none() | failed | inconclusive, max_size=3))
    def some_attempts_ended_before(self, results: list[Result | None]) -> None:
        for outcome in results:
            last = self.attempts[-1]
            if outcome:
                self.verdicts[last.id] = outcome, False
                last = last.concluded(outcome, self.now)
            else:
                self.now = last.due or self.now
                last = last.expired(self.now)
            self.attempts[-1:] = retried(last, self.now)

    @rule(jump=any_jump)
    def the_clock_jumps(self, jump: timedelta) -> None:
        self.now += jump

    @rule(which=any_attempt, offset=near)
    def a_deadline_is_near(self, which: int, offset: timedelta) -> None:
        self.now = (self.attempt(which).due or self.now) + offset

    @rule(which=any_attempt)
    def a_deadline_passes(self, which: int) -> None:
        self.now = max(self.now, self.attempt(which).due or self.now)
        self.the_deadlines_are_applied(which)

    @rule(which=any_attempt, progress=st.sampled_from(Progress), windows=any_windows, source=any_source)
    def the_individual_reaches_a_step(self, which: int, progress: Progress, windows: Windows, source: str | None) -> None:
        before = self.attempt(which)

        after = self.happens(which, lambda it: it.progressed(progress, windows, self.now, source))

        if self.too_late_for(before):
            assert after.events[-1].actor is Actor.SYSTEM
        elif after is not before:
            assert after.events[-1].type.name == progress.name
        else:
            assert before.status.final or ("step", source) in sources(before) or instants(before).get(REACHED[progress])

    @rule(which=any_attempt, result=any_result)
    def a_result_is_reported(self, which: int, result: Result) -> None:
        before = self.attempt(which)
        first, _ = self.verdicts.setdefault(before.id, (result, before.closed))

        after = self.happens(which, lambda it: it.concluded(result, self.now))

        if first is result and not before.closed:
            stored = None if before.anonymized_at else result.document
            assert (after.status, after.reasons, after.extracted) == (result.status, result.reasons, stored)
            assert after.completed_at == after.updated_at
        elif first is result:
            assert after.events[-1].type is EventType.RESULT_IGNORED
        elif after.extracted != before.extracted:
            assert (after.status, after.extracted, after.events[-1].type) == (result.status, result.document, EventType.DOCUMENT_ADDED)
        elif ("result", result.source_id) in sources(before):
            assert after is before

    @rule(which=any_attempt, source=any_source)
    def a_result_is_repeated_with_its_document(self, which: int, source: str | None) -> None:
        before = self.attempt(which)
        if before.id not in self.verdicts:
            return
        first, closed_before = self.verdicts[before.id]

        after = self.happens(which, lambda it: it.concluded(replace(first, document=PASSPORT, source_id=source), self.now))

        if not closed_before:
            assert after.extracted == (None if before.anonymized_at else PASSPORT)

    @rule(which=any_attempt, note=any_note)
    def an_attempt_is_closed(self, which: int, note: ClosingNote | None) -> None:
        before = self.attempt(which)
        if before.status.final and not before.closed:
            with pytest.raises(AlreadyFinal):
                before.closed_by_integrator(note, self.now)
            return
        try:
            after = self.happens(which, lambda it: it.closed_by_integrator(note, self.now))
        except AlreadyFinal:
            # `happens` applies the rule twice. The first time, a deadline had passed, and the rule applied it instead of the close. The second time,
            # the verification was final, so the rule raised AlreadyFinal.
            assert self.too_late_for(before)
            self.the_deadlines_are_applied(which)
            return

        assert after.closed
        assert (after is before) is before.closed

    @rule(which=any_attempt)
    def the_deadlines_are_applied(self, which: int) -> None:
        before = self.attempt(which)

        after = self.happens(which, lambda it: it.expired(self.now))

        assert (after is not before) is self.too_late_for(before)
        assert after.status is (Status.INCONCLUSIVE if self.too_late_for(before) else before.status)

    @rule(which=any_attempt, erasing_references=st.booleans())
    def an_attempt_is_anonymized(self, which: int, erasing_references: bool) -> None:
        before = self.attempt(which)
        if before.status.final:
            after = self.happens(which, lambda it: it.anonymized(Actor.INTEGRATOR, self.now, erasing_references))

            assert after.anonymized_at is not None
            assert (after is before) is (before.anonymized_at is not None)
            if after is not before:
                assert references(after) == ((None, "https://shop.example") if erasing_references else references(before))

    @precondition(lambda self: self.attempts[-1].can_retry and len(self.attempts) < 6)
    @rule(names=any_names, windows=any_windows)
    def the_last_attempt_is_retried(self, names: RetryRequest, windows: Windows) -> None:
        before, id = self.attempts[-1], an_id()
        if not before.declared and not (names.first_name and names.last_name):
            with pytest.raises(InvalidInput):
                before.retried(id, names, a_provider(id), windows, self.now)
            return

        after, retry = before.retried(id, names, a_provider(id), windows, self.now)

        self.follows(before, after)
        assert retry.created_at == after.updated_at
        self.attempts[-1:] = [after, retry]

    @rule(which=any_attempt)
    def a_forbidden_change_is_refused(self, which: int) -> None:
        attempt = self.attempt(which)
        if not attempt.can_retry:
            with pytest.raises(NotRetryable):
                attempt.retried(an_id(), RetryRequest("Jeanne", "Moreau"), a_provider("refused"), WINDOWS, self.now)
        if not attempt.status.final:
            with pytest.raises(NotFinal):
                attempt.anonymized(Actor.INTEGRATOR, self.now)

    def attempt(self, which: int) -> Verification:
        return self.attempts[which % len(self.attempts)]

    def too_late_for(self, attempt: Verification) -> bool:
        return attempt.due is not None and attempt.due <= self.now

    def happens(self, which: int, change: Callable[[Verification], Verification]) -> Verification:
        before = self.attempt(which)
        after = change(before)
        assert change(after) is after, "a repeat changes nothing"
        if after is not before:
            self.follows(before, after)
        self.attempts[which % len(self.attempts)] = after
        return after

    def follows(self, before: Verification, after: Verification) -> None:
        assert without_closing_notes(after.events[:-1]) == without_closing_notes(before.events), "a change is exactly one event"
        assert after.events[:-1] == before.events or after.anonymized_at, "only anonymization removes the closing note"
        assert after.updated_at == max(self.now.replace(microsecond=self.now.microsecond // 1000 * 1000), before.updated_at)
        assert identity(after) == identity(before)
        assert instants(before).items() <= instants(after).items()
        assert before.next in (after.next, None)
        assert PHASES.index(after.phase) >= PHASES.index(before.phase)
        assert references(after) == references(before) or (after.anonymized_at and not before.anonymized_at)
        if after.events[-1].type is EventType.STATUS_CHANGED:
            assert not outcomes(before) or (outcomes(before)[-1].actor is Actor.SYSTEM and after.events[-1].actor in REPORTERS)
        else:
            assert (after.status, after.reasons, after.completed_at) == (before.status, before.reasons, before.completed_at), "final stays final"

    @invariant()
    def versions_have_no_gap(self) -> None:
        for attempt in self.attempts:
            assert [event.version for event in attempt.events] == [*range(1, attempt.version + 1)]

    @invariant()
    def instants_never_go_back_and_are_whole_milliseconds(self) -> None:
        for attempt in self.attempts:
            recorded = [event.at for event in attempt.events]
            assert recorded == sorted(recorded)
            assert (attempt.created_at, attempt.updated_at) == (recorded[0], recorded[-1])
            assert all(instant.microsecond % 1000 == 0 for instant in [*recorded, *instants(attempt).values()])

    @invariant()
    def the_history_matches_the_state(self) -> None:
        for attempt in self.attempts:
            changed = [(event.to_status, event.reasons, event.at) for event in outcomes(attempt)]
            assert changed[-1:] == ([(attempt.status, attempt.reasons, attempt.completed_at)] if attempt.status.final else [])
            actors = [event.actor for event in outcomes(attempt)]
            assert len(actors) <= 2
            assert Actor.SYSTEM not in actors[1:], "the system replaces nothing"
            assert sum(actor is not Actor.SYSTEM for actor in actors) <= 1, "at most one verdict or close"
            assert attempt.status.final or (attempt.reasons, attempt.completed_at) == ((), None)
            anonymized_at = [event.at for event in attempt.events if event.type is EventType.ANONYMIZED]
            assert anonymized_at == ([attempt.anonymized_at] if attempt.anonymized_at else [])
            assert sum(event.type is EventType.RETRY_CREATED for event in attempt.events) == (attempt.next is not None)

    @invariant()
    def the_first_verdict_is_the_status_unless_the_attempt_was_closed_before(self) -> None:
        for attempt in self.attempts:
            verdict, closed_before = self.verdicts.get(attempt.id, (None, False))
            assert attempt.closed or verdict is None or attempt.stands_at(verdict)
            assert not attempt.closed or verdict is None or closed_before
            assert attempt.billable == (verdict.status if verdict else attempt.status).billable

    @invariant()
    def each_status_follows_from_the_one_before(self) -> None:
        for attempt in self.attempts:
            status = None
            for event in attempt.events:
                if event.type in (EventType.CREATED, EventType.STATUS_CHANGED):
                    assert event.from_status is status
                    status = event.to_status
                elif event.type is EventType.RESULT_IGNORED:
                    assert event.from_status is status is attempt.status
                    assert event.verdict != (status, frozenset(attempt.reasons)) or attempt.closed
                else:
                    assert (event.from_status, event.to_status, event.reasons) == (None, None, ())

    @invariant()
    def no_result_and_no_event_id_is_recorded_twice(self) -> None:
        for attempt in self.attempts:
            results = [event.verdict for event in attempt.events if event.to_status and event.actor in REPORTERS]
            assert len(set(results)) == len(results)
            assert len(set(sources(attempt))) == len(sources(attempt))

    @invariant()
    def every_phase_has_a_deadline_unless_the_provider_must_act_or_the_status_is_final(self) -> None:
        for attempt in self.attempts:
            assert (attempt.due is None) is (attempt.phase in (Phase.PROCESSING, Phase.DONE))
            assert attempt.due is None or attempt.updated_at < attempt.due <= attempt.expires_at

    @invariant()
    def a_final_verification_has_no_link_and_an_anonymized_one_has_no_personal_data(self) -> None:
        for attempt in self.attempts:
            assert (attempt.verification_url is None) is attempt.status.final
            if attempt.anonymized_at:
                assert not any(personal(attempt))
                assert "Jeanne" not in repr(attempt)

    @invariant()
    def the_attempts_form_a_chain(self) -> None:
        ids = [attempt.id for attempt in self.attempts]
        assert [attempt.attempt for attempt in self.attempts] == [*range(1, len(ids) + 1)]
        assert {attempt.chain for attempt in self.attempts} == {ids[0]}
        assert [attempt.previous for attempt in self.attempts] == [None, *ids[:-1]]
        assert [attempt.next for attempt in self.attempts] == [*ids[1:], None]
        assert not any(attempt.can_retry for attempt in self.attempts[:-1])


def test_the_history_of_a_chain_stays_consistent_under_random_changes() -> None:
    run_state_machine_as_test(Histories, settings=settings(max_examples=100, stateful_step_count=30, deadline=None))
