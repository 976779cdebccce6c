"""One attempt at verifying a person's identity by video: its state, its history and the rules by which it changes.

A rule is a method that takes the time and returns the next state, or the same object if nothing changes. Each change appends exactly one event. The
number of that event becomes the version of the verification. `events` leaves out events of a type that this release does not have, so the versions
in it may have gaps.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Any, Self

from domain.deadlines import PROVIDER_PATIENCE, Windows, whole_milliseconds
from domain.errors import AlreadyFinal, BadValue, InvalidInput, NotFinal, NotRetryable
from domain.event import Actor, ClosingNote, Event, EventType, Progress
from domain.identity import DeclaredIdentity, ExtractedDocument, Personal
from domain.reasons import LINK_EXPIRED, NEVER_STARTED, VERIFICATION_EXPIRED
from domain.request import Idempotency, ProviderReference, Request, RetryRequest
from domain.requirements import Requirements
from domain.result import Result
from domain.status import RECOMMENDED, Phase, RecommendedAction, Status
from domain.text import origin

MAX_IGNORED_RESULTS = 20
STEPS = frozenset(EventType[step.name] for step in Progress)
OUTCOMES = frozenset({EventType.STATUS_CHANGED, EventType.RESULT_IGNORED})
RESULTS = OUTCOMES | {EventType.DOCUMENT_ADDED}
# The actors of verdicts, which are results that the provider reports. INDIVIDUAL: the individual's buttons or device caused all codes of the result.
# An outcome with another actor, such as SYSTEM, is no verdict.
REPORTERS = frozenset({Actor.PROVIDER, Actor.INDIVIDUAL})
NOT_ANSWERED = "the provider did not answer"
LOST = "the provider no longer has the verification"
version_of = attrgetter("version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """One attempt at verifying a person's identity by video. Instants are timezone-aware, in UTC, in whole milliseconds.

    `previous`, `next`: the ids of the attempts before and after this one in its chain. `declared`: None once the verification is anonymized.
    """

    id: str
    workspace: str
    chain: str
    attempt: int = 1
    previous: str | None = None
    next: str | None = None
    version: int = 0
    status: Status = Status.PENDING
    reasons: tuple[str, ...] = ()
    reference: str | None = None
    idempotency: Idempotency | None = None
    provider: ProviderReference
    declared: Personal[DeclaredIdentity] | None
    extracted: Personal[ExtractedDocument] | None = None
    redirection_url: str
    face_recognition: bool = False
    requirements: Requirements | None = None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    opened_at: datetime | None = None
    link_deadline: datetime | None = None
    capture_started_at: datetime | None = None
    capture_completed_at: datetime | None = None
    completed_at: datetime | None = None
    anonymized_at: datetime | None = None
    # The status of the provider's first verdict, if the verification was closed before it arrived. It decides `billable`.
    ignored_verdict: Status | None = None
    events: tuple[Event, ...] = ()

    @classmethod
    def created(cls, id: str, workspace: str, request: Request, provider: ProviderReference, windows: Windows, at: datetime) -> Self:
        """A new pending verification, the first attempt of its chain."""
        at = whole_milliseconds(at)
        return cls(
            id=id,
            workspace=workspace,
            chain=id,
            reference=request.reference,
            idempotency=request.idempotency,
            provider=provider,
            declared=request.declared,
            redirection_url=request.redirection_url,
            face_recognition=request.face_recognition,
            requirements=request.requirements,
            created_at=at,
            updated_at=at,
            expires_at=at + windows.verification,
        )._after(EventType.CREATED, Actor.INTEGRATOR, at, to_status=Status.PENDING)

    @property
    def phase(self) -> Phase:
        """How far the verification has come."""
        if self.status.final:
            return Phase.DONE
        if self.capture_completed_at:
            return Phase.PROCESSING
        if self.capture_started_at:
            return Phase.CAPTURING
        return Phase.IN_SESSION if self.opened_at else Phase.AWAITING_INDIVIDUAL

    @property
    def recommended_action(self) -> RecommendedAction:
        """What the integrator should do next.

        While the verification is pending, the integrator should share the link once the provider has returned one, and wait once the individual has
        opened it.
        """
        if not self.status.final and (self.phase is not Phase.AWAITING_INDIVIDUAL or self.verification_url is None):
            return RecommendedAction.WAIT
        return RECOMMENDED[self.status]

    @property
    def billable(self) -> bool | None:
        """Whether the provider charges for the verification; None while it is pending.

        The gateway does not send the close of a verification to the provider. So if the provider reports a verdict afterwards, it charges for that
        verdict.
        """
        return (self.ignored_verdict or self.status).billable

    @property
    def outcome(self) -> Event | None:
        """The event with which the verification got its status; None while it is pending, or if this release can't represent the event."""
        return next((event for event in reversed(self.events) if event.type is EventType.STATUS_CHANGED), None)

    @property
    def closed(self) -> bool:
        """Whether the integrator closed the verification."""
        return self.outcome is not None and self.outcome.closes

    @property
    def awaits_verdict(self) -> bool:
        """Whether the system decided the outcome because no verdict had come. The provider's first verdict would then still replace that outcome."""
        return self.outcome is not None and self.outcome.actor is Actor.SYSTEM and self._first_verdict is None

    @property
    def closing_note(self) -> Personal[ClosingNote] | None:
        """The text that the integrator wrote when it closed the verification; None without one, or once the verification is anonymized."""
        return next((event.closing_note for event in self.events if event.closing_note), None)

    @property
    def can_retry(self) -> bool:
        """Whether the verification can be retried and has not been retried yet."""
        return self.status in (Status.INCONCLUSIVE, Status.FAILED) and self.next is None

    @property
    def verification_url(self) -> str | None:
        """The link that the individual opens; None once the status is final."""
        return None if self.status.final else self.provider.url

    @property
    def link_expires_at(self) -> datetime | None:
        """The instant before which the recording must begin; None unless the phase is IN_SESSION."""
        return self.link_deadline if self.phase is Phase.IN_SESSION else None

    @property
    def due(self) -> datetime | None:
        """The instant at which the system acts next. None while the system waits for the provider's result, and once the status is final."""
        match self.phase:
            case Phase.AWAITING_INDIVIDUAL | Phase.CAPTURING:
                return self.expires_at
            case Phase.IN_SESSION:
                # A link deadline that can't be read is ignored.
                return min(self.link_deadline, self.expires_at) if isinstance(self.link_deadline, datetime) else self.expires_at
            case _:
                return None

    @property
    def started(self) -> bool:
        """Whether the provider has accepted the verification. Before that, the verification has neither the provider's id nor a link."""
        return self.provider.id is not None or self.provider.url is not None

    @property
    def lost_by_provider(self) -> bool:
        """Whether the provider answered that it no longer has the verification (see `lost`)."""
        return any(event.type is EventType.PROVIDER_LOST for event in self.events)

    @property
    def can_be_queried(self) -> bool:
        """Whether the gateway can read the verification from its provider: it is pending, the provider has given it an id, and has not lost it."""
        return not self.status.final and isinstance(self.provider.id, str) and not self.lost_by_provider

    @property
    def refused_by_provider(self) -> bool:
        """Whether the provider did not accept the verification (see `refused`)."""
        refused = self.outcome is not None and self.outcome.actor is Actor.PROVIDER and self.status is Status.INCONCLUSIVE
        return refused and not self.started and not self.reasons

    def start_request(self) -> Request:
        """The request that this verification must be started with at its provider. Raises: BadValue if a value in it can't be read."""
        return Request(
            self._declared_for(RetryRequest()), self.redirection_url, face_recognition=self.face_recognition, requirements=self._readable_requirements
        )

    def overdue(self, at: datetime) -> bool:
        """Whether a deadline has passed, but the verification has not become inconclusive yet."""
        return self.due is not None and self.due <= at

    def expired(self, at: datetime) -> Self:
        """The rule for deadlines: if a deadline has passed, the verification becomes inconclusive; otherwise it is returned unchanged."""
        if not self.overdue(at):
            return self
        if self.phase is Phase.IN_SESSION and self.due != self.expires_at:
            reasons: tuple[str, ...] = (LINK_EXPIRED,)
        elif self.phase is Phase.AWAITING_INDIVIDUAL:
            reasons = (NEVER_STARTED, VERIFICATION_EXPIRED)
        else:
            reasons = (VERIFICATION_EXPIRED,)
        return self._concluded(Status.INCONCLUSIVE, reasons, Actor.SYSTEM, at)

    def expired_without_verdict(self, at: datetime) -> Self:
        """The rule for deadlines of a verification whose provider can be queried. The provider decides until PROVIDER_PATIENCE after `expires_at`.

        The deadline of the link is ignored, because such a provider decides itself whether the link has expired.
        """
        if self.due is None or self.expires_at + PROVIDER_PATIENCE > at:
            return self
        reasons = (VERIFICATION_EXPIRED,) if self.opened_at else (NEVER_STARTED, VERIFICATION_EXPIRED)
        return self._concluded(Status.INCONCLUSIVE, reasons, Actor.SYSTEM, at)

    def accepted(self, provider: ProviderReference, at: datetime) -> Self:
        """The verification after its provider accepted it, and returned an id and a link for it. An accepted verification is returned unchanged.

        The id is recorded even if the status has become final meanwhile, so that a later verdict of the provider finds this verification.
        """
        if self.started:
            return self
        reference = replace(provider, url=None) if self.anonymized_at else provider
        return replace(self, provider=reference)._after(EventType.PROVIDER_STARTED, Actor.PROVIDER, at)

    def refused(self, field: str | None, at: datetime) -> Self:
        """The verification after its provider refused to start it: inconclusive, without a reason code. `field`: the input field at fault."""
        if self.started or self.status.final:
            return self
        note = f"the provider refused {field}" if field else "the provider refused the verification"
        return self._concluded(Status.INCONCLUSIVE, (), Actor.PROVIDER, at, note=note)

    def lost(self, at: datetime) -> Self:
        """The verification after its provider answered that it no longer has it. The status stays pending: the integrator closes the verification."""
        if self.status.final or self.lost_by_provider:
            return self
        return self._after(EventType.PROVIDER_LOST, Actor.PROVIDER, at, note=LOST)

    def unanswered(self, at: datetime) -> Self:
        """The verification after the provider did not answer the requests to start it: inconclusive, without a reason code."""
        if self.started or self.status.final:
            return self
        return self._concluded(Status.INCONCLUSIVE, (), Actor.SYSTEM, at, note=NOT_ANSWERED)

    def progressed(self, progress: Progress, windows: Windows, at: datetime, source_id: str | None = None, *, may_expire: bool = True) -> Self:
        """The verification after a step of the individual. Earlier steps that were never reported get the same instant, but no event of their own.

        `windows`: how long the link stays valid once it is opened. `source_id`: the provider's id of the event that reported the step.
        A step changes nothing if it, a later step or a step with the same event id was already recorded, or if the status is final. If a deadline has
        passed, the verification becomes inconclusive instead of recording the step. If `may_expire` is False, the provider decides about
        deadlines, and they are ignored here.
        """
        if may_expire and self.overdue(at):
            return self.expired(at)
        steps = tuple(Progress)[: tuple(Progress).index(progress) + 1]
        reached = {
            Progress.LINK_OPENED: self.opened_at,
            Progress.CAPTURE_STARTED: self.capture_started_at,
            Progress.CAPTURE_COMPLETED: self.capture_completed_at,
        }
        if self.status.final or reached[progress] or self._has_recorded(source_id, STEPS):
            return self
        at = self._not_before(at)
        changes: dict[str, Any] = {}
        if not self.opened_at:
            changes |= {"opened_at": at, "link_deadline": at + windows.link}
        if Progress.CAPTURE_STARTED in steps and not self.capture_started_at:
            changes |= {"capture_started_at": at}
        if Progress.CAPTURE_COMPLETED in steps:
            changes |= {"capture_completed_at": at}
        return replace(self, **changes)._after(EventType[progress.name], Actor.INDIVIDUAL, at, source_id=source_id)

    def concluded(self, result: Result, at: datetime) -> Self:
        """The verification after the provider reported this result.

        The first result becomes the outcome, however late it is, unless the integrator closed the verification before. It also replaces an outcome
        that the system decided because no result had come. The same result again changes nothing, unless it brings the document for the first time.
        A different result is recorded once, as the event RESULT_IGNORED, and does not change the status. It is not recorded if its event id is in the
        history already. At most 20 such events are recorded, so that the history stays short.
        """
        if self._open_to(result):
            # The document of an anonymized verification is dropped, with the note about its fields.
            kept = replace(result, document=None, note=None) if self.anonymized_at else result
            concluded = self._concluded(kept.status, kept.reasons, kept.actor, at, self._new_source_id(kept), note=kept.note)
            return replace(concluded, extracted=kept.document)
        if self.stands_at(result) and not self.closed:
            return self._with_document(result, at)
        return self if self._has_recorded(result.source_id, RESULTS) else self._ignoring(result, at)

    def closed_by_integrator(self, note: ClosingNote | None, at: datetime, *, may_expire: bool = True) -> Self:
        """The verification after the integrator closed it: inconclusive, without a reason code. A closed verification is returned unchanged.

        If a deadline has passed, the verification becomes inconclusive for that reason instead. If `may_expire` is False, deadlines are ignored: the
        provider decides about them.
        Raises: AlreadyFinal if the verification has another outcome.
        """
        if may_expire and self.overdue(at):
            return self.expired(at)
        if self.closed:
            return self
        if self.status.final:
            raise AlreadyFinal(self.id, self.status)
        return self._concluded(Status.INCONCLUSIVE, (), Actor.INTEGRATOR, at, closing_note=note)

    def stands_at(self, result: Result) -> bool:
        """Whether the verification has the status and the set of reason codes of this result."""
        return result.key == (self.status, frozenset(self.reasons))

    def retry_request(self, retry: RetryRequest) -> Request:
        """The request for the next attempt. Values that are None in the retry are taken from this attempt.

        Raises: NotRetryable. InvalidInput if a value of the retry is invalid, or if this attempt was anonymized and the retry lacks the first or
                the last name.
        """
        retry = retry.checked()
        if not self.can_retry:
            raise NotRetryable(self.id, self.status)
        return Request(
            declared=self._declared_for(retry),
            redirection_url=retry.redirection_url or self.redirection_url,
            reference=self.reference,
            face_recognition=self.face_recognition,
            external=retry.external,
            requirements=self._readable_requirements,
        )

    def retried(self, id: str, retry: RetryRequest, provider: ProviderReference, windows: Windows, at: datetime) -> tuple[Self, Self]:
        """Returns two verifications: this one, with the retry's id as `next`, and the retry. Raises: the errors of `retry_request`."""
        request = self.retry_request(retry)
        at = self._not_before(at)
        first = type(self).created(id, self.workspace, request, provider, windows, at)
        successor = replace(first, chain=self.chain, attempt=self.attempt + 1, previous=self.id)
        return replace(self, next=id)._after(EventType.RETRY_CREATED, Actor.INTEGRATOR, at), successor

    def anonymized(self, actor: Actor, at: datetime, erasing_references: bool = False) -> Self:
        """The verification without its personal data. An anonymized verification is returned unchanged, unless it still has a closing note.

        `actor`: the party that removes the data. `erasing_references`: whether the integrator's own references are removed too. `reference` then
        becomes None, and `redirection_url` is cut to its origin.
        Raises: NotFinal.
        """
        if not self.status.final:
            raise NotFinal(self.id)
        # An older release does not have the field `closing_note`, and keeps the note when it anonymizes. So anonymize again if there is still a note.
        if self.anonymized_at and not self.closing_note:
            return self
        at = self._not_before(at)
        return replace(
            self,
            declared=None,
            extracted=None,
            provider=replace(self.provider, url=None),
            idempotency=self.idempotency and replace(self.idempotency, fingerprint=None),
            reference=None if erasing_references else self.reference,
            redirection_url=origin(self.redirection_url) if erasing_references else self.redirection_url,
            anonymized_at=self.anonymized_at or at,
            events=tuple(replace(event, closing_note=None) if event.closing_note else event for event in self.events),
        )._after(EventType.ANONYMIZED, actor, at)

    def events_after(self, version: int) -> tuple[Event, ...]:
        """The events with a greater version than this one, oldest first."""
        return self.events[bisect_right(self.events, version, key=version_of) :]

    @property
    def _readable_requirements(self) -> Requirements | None:
        # If this release can't read the requirements, a start or a retry is refused: the provider could verify a person whom these exclude.
        if isinstance(self.requirements, BadValue):
            raise self.requirements
        return self.requirements

    def _declared_for(self, retry: RetryRequest) -> DeclaredIdentity:
        first_name, last_name = retry.first_name, retry.last_name
        if self.declared and not (first_name and last_name):
            declared = self.declared.open()
            first_name, last_name = first_name or declared.first_name, last_name or declared.last_name
        if not first_name or not last_name:
            raise InvalidInput("lastName" if first_name else "firstName", "is required, since the verification was anonymized")
        return DeclaredIdentity(first_name, last_name)

    def _open_to(self, result: Result) -> bool:
        """Whether this result decides the status: there is no outcome, or only one by SYSTEM and no earlier verdict.

        Older releases recorded a verdict after an outcome by SYSTEM as an ignored result. Then only a repetition of that same verdict decides.
        """
        if not self.status.final:
            return True
        if not self.outcome or self.outcome.actor is not Actor.SYSTEM:
            return False
        first = self._first_verdict
        return first is None or first.verdict == result.key

    @property
    def _first_verdict(self) -> Event | None:
        """The event of the provider's first verdict, whether it became the outcome or was ignored; None if there is none yet."""
        return next((event for event in self.events if event.type in OUTCOMES and event.actor in REPORTERS), None)

    def _with_document(self, result: Result, at: datetime) -> Self:
        if not result.document or self.extracted or self.anonymized_at:
            return self
        added = replace(self, extracted=result.document)
        return added._after(EventType.DOCUMENT_ADDED, Actor.PROVIDER, at, note=result.note, source_id=self._new_source_id(result))

    def _ignoring(self, result: Result, at: datetime) -> Self:
        ignored = [event.verdict for event in self.events if event.type is EventType.RESULT_IGNORED]
        if result.key in ignored or len(ignored) >= MAX_IGNORED_RESULTS:
            return self
        changed = replace(self, ignored_verdict=result.status) if self.closed and not ignored else self
        return changed._after(
            EventType.RESULT_IGNORED,
            result.actor,
            at,
            from_status=self.status,
            to_status=result.status,
            reasons=result.reasons,
            note="reported after the verification was closed" if self.closed else f"reported after the verification was already {self.status.value}",
            source_id=result.source_id,
        )

    def _concluded(self, status: Status, reasons: tuple[str, ...], actor: Actor, at: datetime, source_id: str | None = None, **details: Any) -> Self:
        at = self._not_before(at)
        return replace(self, status=status, reasons=reasons, completed_at=at)._after(
            EventType.STATUS_CHANGED, actor, at, from_status=self.status, to_status=status, reasons=reasons, source_id=source_id, **details
        )

    def _after(self, type: EventType, actor: Actor, at: datetime, **details: Any) -> Self:
        at = self._not_before(at)
        event = Event(self.version + 1, type, actor, at, **details)
        return replace(self, version=event.version, updated_at=at, events=(*self.events, event))

    def _not_before(self, at: datetime) -> datetime:
        # If the clock was set back, use the time of the last change, to keep the events in order.
        return max(whole_milliseconds(at), self.updated_at)

    def _new_source_id(self, result: Result) -> str | None:
        # A webhook may be applied a second time, for example because its document could be read only later. Its event id may then be in the history
        # already. An id must not occur twice there, so the second event is recorded without the id.
        return None if self._has_recorded(result.source_id, RESULTS) else result.source_id

    def _has_recorded(self, source_id: str | None, types: frozenset[EventType]) -> bool:
        # The provider may use the same id for a step and for a result. Only events of these types are compared, so that a result is not mistaken for
        # a repetition of the step and dropped.
        return source_id is not None and any(event.source_id == source_id and event.type in types for event in self.events)
