"""Random histories of verifications, made by the rules of the domain. Also a rule for tests (`noting`) that can add any number of events."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from domain.event import Actor, ClosingNote, Event, EventType, Progress
from domain.identity import DeclaredIdentity, DocumentType, ExtractedDocument
from domain.reasons import CATALOGUE
from domain.request import Idempotency
from domain.requirements import Requirements
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from store.verifications import Rule
from tests.factories import NOON, WINDOWS, a_verification, retried

KEY = Idempotency("key-1", "fingerprint")

# Settings of Hypothesis for tests with random histories. `deadline=None`: the time of an example is not limited, because it depends on the machine.
over_histories = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
documents = st.builds(
    ExtractedDocument,
    st.none() | texts,
    st.none() | st.dates().map(str),
    st.none() | st.sampled_from(DocumentType),
    st.none() | st.sampled_from(["FR", "DEU"]),
    st.none() | texts,
)


def codes_of(status: Status) -> list[str]:
    """The reason codes that are allowed with this status, and two codes that are not in the catalogue."""
    return [*(code for code, reason in CATALOGUE.items() if status in reason.statuses), "IDVV_9999", "NEW"]


def results_of(status: Status) -> st.SearchStrategy[Result]:
    """Random results with this status, as a provider may report them."""
    codes = st.just([]) if status is Status.VERIFIED else st.lists(st.sampled_from(codes_of(status)), min_size=1, max_size=4)
    return st.builds(Result.reported, st.just(status), codes, st.none() | documents, st.none() | texts)


results = st.one_of([results_of(status) for status in Status if status.final])
pauses = st.timedeltas(timedelta(seconds=-1), timedelta(days=3))
names = st.builds(DeclaredIdentity, texts, texts)
keys = st.none() | st.builds(Idempotency, texts, st.none() | texts)
ages = st.none() | st.integers(1, 150)
countries = st.sampled_from(["FR", "DE", "KP"])
requirements = st.none() | st.builds(
    Requirements,
    ages,
    ages,
    st.lists(countries, max_size=3).map(tuple),
    st.none() | st.sampled_from(DocumentType),
    st.none() | countries,
    st.none() | countries,
    st.sampled_from([None, "fr"]),
).filter(lambda required: required != Requirements())


@st.composite
def chains(draw: st.DrawFn) -> list[Verification]:
    """All attempts of a chain with a random history, sorted by the number of the attempt."""
    now = NOON + draw(pauses)
    reference, face_recognition = draw(st.none() | texts), draw(st.booleans())
    attempts = [
        a_verification(
            at=now,
            idempotency=draw(keys),
            declared=draw(names),
            reference=reference,
            face_recognition=face_recognition,
            requirements=draw(requirements),
        )
    ]
    for _ in range(draw(st.integers(0, 8))):
        now += draw(pauses)
        index = draw(st.integers(0, len(attempts) - 1))
        match draw(st.sampled_from(["progress", "result", "result", "deadline", "retry", "close", "anonymize"])):
            case "progress":
                attempts[index] = attempts[index].progressed(draw(st.sampled_from(Progress)), WINDOWS, now, draw(st.none() | texts))
            case "result":
                attempts[index] = attempts[index].concluded(draw(results), now)
            case "deadline":
                attempts[index] = attempts[index].expired(attempts[index].due or now)
            case "close" if not attempts[index].status.final:
                attempts[index] = attempts[index].closed_by_integrator(draw(st.none() | st.builds(ClosingNote, texts)), now)
            case "retry" if attempts[-1].can_retry:
                attempts[-1:] = retried(attempts[-1], now, first_name="Jeanne", last_name="Moreau")
            case "anonymize" if attempts[index].status.final:
                attempts[index] = attempts[index].anonymized(Actor.INTEGRATOR, now)
    return attempts


@st.composite
def lives(draw: st.DrawFn) -> list[Verification]:
    """All states of one verification with a random history: the state after its first event, after its second event, and so on."""
    now = NOON
    states = [a_verification(at=now, reference=draw(st.sampled_from(["order-1", "order-2", None])))]
    for _ in range(draw(st.integers(0, 7))):
        now += draw(st.sampled_from([timedelta(0), timedelta(milliseconds=1), timedelta(minutes=1)]))
        last = states[-1]
        match draw(st.sampled_from(["progress", "progress", "result", "deadline", "retry", "anonymize"])):
            case "progress":
                changed = last.progressed(draw(st.sampled_from(Progress)), WINDOWS, now)
            case "result":
                changed = last.concluded(draw(results), now)
            case "deadline":
                changed = last.expired(last.due or now)
            case "retry" if last.can_retry:
                changed, _ = retried(last, now, first_name="Jeanne", last_name="Moreau")
            case "anonymize" if last.status.final:
                changed = last.anonymized(Actor.INTEGRATOR, now)
            case _:
                continue
        if changed is not last:
            states.append(changed)
    return states


def noted(verification: Verification, source_id: str, at: datetime = NOON) -> Verification:
    """The verification with one more event, whatever its status is. Unlike the rules of the domain, `noted` can add any number of events."""
    event = Event(verification.version + 1, EventType.RESULT_IGNORED, Actor.PROVIDER, max(at, verification.updated_at), source_id=source_id)
    return replace(verification, version=event.version, updated_at=event.at, events=(*verification.events, event))


def versions(verification: Verification) -> list[int]:
    """The versions of all events of a verification, in order."""
    return [event.version for event in verification.events]


def progressing(progress: Progress) -> Rule:
    """A rule that records this progress of the person who is being verified."""
    return lambda verification, at: verification.progressed(progress, WINDOWS, at)


opening = progressing(Progress.LINK_OPENED)


def noting(source_id: str) -> Rule:
    """A rule that adds an event with this `source_id`, whatever the status of the verification is."""
    return lambda verification, at: noted(verification, source_id, at)
