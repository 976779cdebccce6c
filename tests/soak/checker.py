"""Checks the records of a run against the promise: nothing is lost between the provider, the gateways and the backend. See tests/soak/README.md."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from math import inf
from typing import Any

from domain.status import Status
from tests.fakes.yousign import Fault
from tests.soak.plan import Fate
from tests.soak.provider import RETRY_AFTER_SECONDS
from tests.soak.records import Attempt, Decision, Delivered, Records

# The faults after which the gateway can't know whether the provider has executed a request.
UNANSWERED = (Fault.LATE, Fault.CUT, Fault.BAD_BODY, Fault.BAD_SHAPE)
MAX_UNANSWERED = 3
# A request may arrive this much before the end of `Retry-After`, because the gateway and the fake measure the pause from different instants.
CLOCK_SECONDS = 0.1
OUTCOME = "status_changed"


class Breach(Enum):
    """A way in which the promise can be broken."""

    MISSING = "verification missing or created twice"
    OUTCOME = "outcome is not the provider's"
    EVENTS = "not exactly one outcome event"
    DOCUMENT = "document lost"
    SHOWN = "GraphQL shows another state than the one that is stored"
    WEBHOOK = "webhook answered, and lost or not applied"
    STARTED = "started again although the provider had answered"
    ABANDONED = "start left unfinished"
    TOO_EARLY = "request before the end of Retry-After"
    UNDELIVERED = "event not delivered to the backend"
    ORDER = "events delivered out of order"
    WRONG_ANSWER = "wrong answer"


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach: its kind, the verification that it is about, and a description."""

    breach: Breach
    where: str
    what: str


def check(records: Records) -> list[Finding]:
    """Check all records of a run. Returns the breaches that were found: none if the promise was kept."""
    by_name: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for document in records.documents:
        by_name[document.get("reference", "")].append(document)
    delivered: dict[str, list[Delivered]] = defaultdict(list)
    for webhook in records.delivered:
        delivered[webhook.verification_id].append(webhook)
    findings = [Finding(Breach.WRONG_ANSWER, "", complaint) for complaint in records.complaints]
    if records.forged:
        findings.append(Finding(Breach.WRONG_ANSWER, "", f"the backend received {records.forged} webhooks with a wrong signature"))
    for fate in records.fates:
        found = by_name[fate.name]
        if len(found) != 1 or records.created.get(fate.number, found[0]["_id"]) != found[0]["_id"]:
            what = f"there are {len(found)} verifications, and the client has {records.created.get(fate.number)}"
            findings.append(Finding(Breach.MISSING, fate.name, what))
            continue
        findings += stored_breaches(records, fate, found[0])
        findings += start_breaches(records, fate, found[0])
        findings += delivery_breaches(found[0], delivered[found[0]["_id"]])
        findings += shown_breaches(found[0], records.shown.get(found[0]["_id"]))
    return [*findings, *inbox_breaches(records)]


def stored_breaches(records: Records, fate: Fate, document: Mapping[str, Any]) -> Iterator[Finding]:
    """Compare what is stored of a verification with the provider's decision: the outcome, the events, the data of the identity document."""
    expected, actor = decision_for(records, fate, document)
    stored = document["status"], tuple(document.get("reasons", ()))
    if not expected or stored != (expected.status.value, expected.codes):
        requests = [(attempt.gateway, attempt.fault, round(attempt.at, 1)) for attempt in records.attempts.get(fate.number, [])]
        yield Finding(Breach.OUTCOME, fate.name, f"it is {stored[0]} {stored[1]}; the provider decided {expected}; requests to start it: {requests}")
        return
    outcomes = [event for event in document["events"] if event["type"] == OUTCOME]
    if [event["actor"] for event in outcomes] != [actor]:
        yield Finding(Breach.EVENTS, fate.name, f"outcome events by {[event['actor'] for event in outcomes]}, expected one by {actor}")
    if [event["version"] for event in document["events"]] != [*range(1, document["version"] + 1)]:
        yield Finding(Breach.EVENTS, fate.name, "the versions of its events have gaps or repetitions")
    if expected.documented and not document.get("extracted"):
        yield Finding(Breach.DOCUMENT, fate.name, "it has no data of the document")


def decision_for(records: Records, fate: Fate, document: Mapping[str, Any]) -> tuple[Decision | None, str]:
    """The outcome that a verification must have, and the actor that its event must name. The outcome is None if nobody decided one."""
    video = document.get("provider", {}).get("id")
    if video:
        # The stored id must be that of a verification which the provider created for this individual, and not for another one.
        decision = records.decisions.get(video) if records.numbers.get(video) == fate.number else None
        return decision, "individual" if fate.by_individual and decision and decision.codes == fate.codes else "provider"
    if given_up(records, fate):
        return Decision(Status.INCONCLUSIVE, (), False), "system"
    return (Decision(Status.INCONCLUSIVE, (), False) if fate.refused else None), "provider"


def given_up(records: Records, fate: Fate) -> bool:
    """Whether the gateway has to give up starting a verification, because it has sent as many requests without an answer as it may."""
    return len([1 for attempt, next_at in with_next(records, fate) if unanswered(records, attempt, next_at)]) >= MAX_UNANSWERED


def start_breaches(records: Records, fate: Fate, document: Mapping[str, Any]) -> Iterator[Finding]:
    """Look for requests to start a verification that must not have been sent, and for a start that was left unfinished."""
    for attempt, next_at in with_next(records, fate):
        if next_at == inf or killed(records, attempt, next_at):
            continue
        if attempt.video and not unanswered(records, attempt, next_at):
            yield Finding(Breach.STARTED, fate.name, f"{records.attempts[fate.number]}")
        if attempt.fault is Fault.LIMITED and next_at - attempt.at < RETRY_AFTER_SECONDS - CLOCK_SECONDS:
            yield Finding(Breach.TOO_EARLY, fate.name, f"{next_at - attempt.at:.1f} s after an answer with Retry-After: {RETRY_AFTER_SECONDS}")
    if any(start["_id"] == document["_id"] for start in records.starts):
        yield Finding(Breach.ABANDONED, fate.name, "its start is still noted as unfinished")


def with_next(records: Records, fate: Fate) -> Iterator[tuple[Attempt, float]]:
    """The requests to create a verification at the provider, each with the time of the next request. For the last request, this time is infinity."""
    attempts = records.attempts.get(fate.number, [])
    yield from ((earlier, later.at) for earlier, later in pairwise(attempts))
    if attempts:
        yield attempts[-1], inf


def unanswered(records: Records, attempt: Attempt, until: float) -> bool:
    """Whether the gateway can't know whether the provider executed a request: its answer was lost, or the gateway was killed before `until`."""
    return attempt.fault in UNANSWERED or killed(records, attempt, until)


def killed(records: Records, attempt: Attempt, until: float) -> bool:
    """Whether the gateway that sent a request was killed between the request and the time `until`."""
    return any(death.gateway == attempt.gateway and attempt.at <= death.at <= until for death in records.deaths)


def delivery_breaches(document: Mapping[str, Any], delivered: list[Delivered]) -> Iterator[Finding]:
    """Check that the backend accepted all events of a verification, and in order. An event may be delivered more than once in a row."""
    name, accepted = document["reference"], [webhook.version for webhook in delivered if webhook.accepted]
    if missing := {*range(1, document["version"] + 1)} - {*accepted}:
        yield Finding(Breach.UNDELIVERED, name, f"versions {sorted(missing)} of {document['version']}; the backend accepted {accepted}")
        return
    done = 0
    for webhook in delivered:
        # A version may be sent when all versions before it were accepted, and again until the next one is accepted.
        if webhook.version not in (done, done + 1):
            yield Finding(Breach.ORDER, name, f"received {[(each.version, each.accepted) for each in delivered]}")
            return
        done = webhook.version if webhook.accepted else done
    if delivered[-1].status != document["status"].upper():
        yield Finding(Breach.ORDER, name, f"its last event was delivered with the status {delivered[-1].status}")


def shown_breaches(document: Mapping[str, Any], shown: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Compare what the gateway shows with what is stored."""
    events = [(event["version"], event["type"].upper()) for event in document["events"]]
    stored = (document["status"].upper(), document["version"], list(document.get("reasons", [])), events, document.get("provider", {}).get("id"))
    found = shown and (
        shown["status"],
        shown["version"],
        [reason["code"] for reason in shown["reasons"]],
        [(event["version"], event["type"]) for event in shown["events"]],
        shown["provider"]["id"],
    )
    if found != stored:
        yield Finding(Breach.SHOWN, document["reference"], f"shown: {found}; stored: {stored}")


def inbox_breaches(records: Records) -> Iterator[Finding]:
    """Check that every webhook that was answered with 200 is in the inbox, and that every webhook about a stored verification was applied or ignored.

    If the provider's answer to a creation was lost, the provider may have a verification whose id no gateway stored. A webhook about it must not be
    applied: it stays in the inbox, so that operators see it.
    """
    stored = {(entry["workspace"], entry["eventId"]) for entry in records.inbox}
    for workspace, event in records.answered - stored:
        yield Finding(Breach.WEBHOOK, event, f"it was answered with 200 in the workspace {workspace}, and is not in the inbox")
    linked = {document.get("provider", {}).get("id"): document["reference"] for document in records.documents}
    for entry in records.inbox:
        name = linked.get(entry.get("providerId"))
        if entry["state"] not in (("applied", "ignored") if name else ("waiting", "unmatched", "ignored")):
            yield Finding(
                Breach.WEBHOOK, name or "no verification", f"its webhook {entry['eventId']} is {entry['state']}: {entry.get('note', 'no note')}"
            )
