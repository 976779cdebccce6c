"""Tests of the checker: each test falsifies the records of a good run, and the checker must find the breach."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.status import Status
from tests.fakes.yousign import Fault
from tests.soak.checker import Breach, check
from tests.soak.plan import OBSERVED, Fate, Sending
from tests.soak.records import Attempt, Death, Decision, Delivered, Records

CODES = ("IDVV_2101", "IDVV_2301")
TYPES = ("created", "provider_started", "status_changed")


def a_fate(refused: bool = False) -> Fate:
    """The fate of a verification that fails, or whose creation is refused."""
    return Fate(1, OBSERVED, Status.FAILED, CODES, True, refused, Sending.ONCE, (), (), False, False, False, 0)


def a_document(**changed: Any) -> dict[str, Any]:
    """The MongoDB document of the verification that all of these records are about. `changed`: fields with other values."""
    events = [{"version": version, "type": type, "actor": "provider"} for version, type in enumerate(TYPES, 1)]
    return {
        "_id": "ver_1",
        "reference": "Soak 1",
        "status": "failed",
        "reasons": [*CODES],
        "version": 3,
        "provider": {"id": "video-1"},
        "extracted": {},
        "events": events,
        **changed,
    } | ({"extracted": {"ciphertext": b"x"}} if "extracted" not in changed else {})


def the_shown(document: dict[str, Any]) -> dict[str, Any]:
    """The verification in this document, in the form in which the gateway shows it in GraphQL."""
    return {
        "id": document["_id"],
        "status": document["status"].upper(),
        "version": document["version"],
        "reasons": [{"code": code} for code in document["reasons"]],
        "provider": {"id": document["provider"].get("id")},
        "events": [{"version": event["version"], "type": event["type"].upper()} for event in document["events"]],
    }


def an_entry(**changed: Any) -> dict[str, Any]:
    """The entry in the inbox for the only webhook of the run. `changed`: fields with other values."""
    return {"workspace": OBSERVED, "eventId": "event-1", "providerId": "video-1", "state": "applied", **changed}


def received(*versions: int | tuple[int, bool], last: str = "FAILED") -> list[Delivered]:
    """What the backend received: these versions, with False if it did not accept the webhook. `last`: the status after the last event."""
    pairs = [version if isinstance(version, tuple) else (version, True) for version in versions]
    return [Delivered("ver_1", version, last if version == len(TYPES) else "PENDING", accepted) for version, accepted in pairs]


def a_run(document: dict[str, Any] | None = None, fate: Fate | None = None) -> Records:
    """The records of a good run with one verification."""
    found = document or a_document()
    return Records(
        [fate or a_fate()],
        attempts={1: [Attempt("gateway-1", 10.0, None, "video-1")]},
        numbers={"video-1": 1},
        decisions={"video-1": Decision(Status.FAILED, CODES, True)},
        answered={(OBSERVED, "event-1")},
        created={1: "ver_1"},
        delivered=received(1, 2, 3, last=found["status"].upper()),
        documents=[found],
        inbox=[an_entry()],
        shown={"ver_1": the_shown(found)},
    )


def with_document(**changed: Any) -> Records:
    """The records of a run in which the verification was stored with these values."""
    return a_run(a_document(**changed))


def without_webhook(document: dict[str, Any], fate: Fate | None = None) -> Records:
    """The records of a run in which the provider sent no webhook."""
    records = a_run(document, fate)
    records.inbox, records.answered = [], set()
    return records


def changed(**values: Any) -> Records:
    """The records of a good run with other values."""
    records = a_run()
    for name, value in values.items():
        setattr(records, name, value)
    return records


def events(*types: str, actor: str = "provider") -> dict[str, Any]:
    """The values of a stored verification with events of these types."""
    return {"version": len(types), "events": [{"version": n, "type": type, "actor": actor} for n, type in enumerate(types, 1)]}


def started_twice(first: Attempt, *deaths: Death) -> Records:
    """The records of a run in which a verification was started again, ten seconds after its first start."""
    second = Attempt("gateway-2", first.at + 10, None, "video-1")
    return changed(attempts={1: [first, second]}, deaths=[*deaths], numbers={"video-0": 1, "video-1": 1})


GOOD: dict[str, Callable[[], Records]] = {
    "an ordinary run": a_run,
    "an event delivered again": lambda: changed(delivered=received(1, 1, 2, (3, False), 3)),
    "a start after an answer that was lost": lambda: started_twice(Attempt("gateway-1", 10.0, Fault.CUT, "video-0")),
    "a start after the kill of the gateway that had the answer": lambda: started_twice(
        Attempt("gateway-1", 10.0, None, "video-0"), Death("gateway-1", 11.0)
    ),
    "a webhook about a start without a link": lambda: changed(inbox=[an_entry(), an_entry(eventId="event-2", providerId="video-0", state="waiting")]),
}
REFUSED = {"status": "inconclusive", "reasons": [], "provider": {}}
SWAPPED = [Delivered("ver_1", version, "PENDING", True) for version in (2, 1, 2, 3)]
BAD: list[tuple[str, Breach, Callable[[], Records]]] = [
    ("no verification", Breach.MISSING, lambda: changed(documents=[], inbox=[], answered=set())),
    ("two verifications", Breach.MISSING, lambda: changed(documents=[a_document(), a_document(_id="ver_2")])),
    ("another one than the client's", Breach.MISSING, lambda: changed(created={1: "ver_2"})),
    ("still pending", Breach.OUTCOME, lambda: with_document(status="pending", reasons=[], **events("created", "provider_started", "link_opened"))),
    ("another status", Breach.OUTCOME, lambda: with_document(status="inconclusive")),
    ("a code left out", Breach.OUTCOME, lambda: with_document(reasons=["IDVV_2101"])),
    ("no decision of the provider", Breach.OUTCOME, lambda: changed(decisions={})),
    ("the link of another individual", Breach.OUTCOME, lambda: changed(numbers={"video-1": 2})),
    ("inconclusive without a refusal", Breach.OUTCOME, lambda: without_webhook(a_document(**REFUSED))),
    ("two outcome events", Breach.EVENTS, lambda: with_document(**events("created", "status_changed", "status_changed"))),
    ("an outcome by the system", Breach.EVENTS, lambda: with_document(**events(*TYPES, actor="system"))),
    ("no document", Breach.DOCUMENT, lambda: with_document(extracted=None)),
    ("not shown", Breach.SHOWN, lambda: changed(shown={})),
    ("shown otherwise", Breach.SHOWN, lambda: changed(shown={"ver_1": the_shown(a_document(reasons=["IDVV_2101"]))})),
    ("a webhook that is not in the inbox", Breach.WEBHOOK, lambda: changed(inbox=[])),
    ("a webhook that waits", Breach.WEBHOOK, lambda: changed(inbox=[an_entry(state="waiting")])),
    (
        "a webhook about a start without a link that is applied",
        Breach.WEBHOOK,
        lambda: changed(inbox=[an_entry(), an_entry(eventId="event-2", providerId="video-0")]),
    ),
    ("a start after an answer", Breach.STARTED, lambda: started_twice(Attempt("gateway-1", 10.0, None, "video-0"))),
    (
        "a start after an answer and the kill of another gateway",
        Breach.STARTED,
        lambda: started_twice(Attempt("gateway-1", 10.0, None, "video-0"), Death("gateway-2", 11.0)),
    ),
    (
        "a start before the end of Retry-After",
        Breach.TOO_EARLY,
        lambda: changed(attempts={1: [Attempt("gateway-1", 10.0, Fault.LIMITED), Attempt("gateway-1", 11.0, None, "video-1")]}),
    ),
    ("a start that is noted as unfinished", Breach.ABANDONED, lambda: changed(starts=[{"_id": "ver_1"}])),
    ("an event that was not delivered", Breach.UNDELIVERED, lambda: changed(delivered=received(1, 3))),
    ("an event that was not accepted", Breach.UNDELIVERED, lambda: changed(delivered=received(1, 2, (3, False)))),
    ("events in another order", Breach.ORDER, lambda: changed(delivered=SWAPPED)),
    ("an event before the one before it was accepted", Breach.ORDER, lambda: changed(delivered=received(1, (2, False), (3, False), 2, 3))),
    ("an old status in the last event", Breach.ORDER, lambda: changed(delivered=[*received(1, 2), Delivered("ver_1", 3, "PENDING", True)])),
    ("a wrong signature", Breach.WRONG_ANSWER, lambda: changed(forged=1)),
    ("a wrong answer", Breach.WRONG_ANSWER, lambda: changed(complaints=["it was answered with 500"])),
]


@pytest.mark.parametrize("records", GOOD.values(), ids=GOOD.keys())
def test_a_good_run_has_no_breach(records: Callable[[], Records]) -> None:
    assert check(records()) == []


@pytest.mark.parametrize(("breach", "records"), [(breach, records) for _, breach, records in BAD], ids=[name for name, *_ in BAD])
def test_a_breach_is_found(breach: Breach, records: Callable[[], Records]) -> None:
    assert [finding.breach for finding in check(records())] == [breach]


def test_a_refused_creation_is_inconclusive() -> None:
    assert check(without_webhook(a_document(**REFUSED), a_fate(refused=True))) == []


def test_a_verification_is_given_up_only_after_three_requests_without_an_answer() -> None:
    document = a_document(**REFUSED, **events(*TYPES, actor="system"))

    def after(*faults: Fault) -> Records:
        records = without_webhook(document)
        records.attempts = {1: [Attempt("gateway-1", 10.0 * place, fault) for place, fault in enumerate(faults)]}
        return records

    assert check(after(Fault.CUT, Fault.CUT, Fault.BAD_BODY)) == []
    assert {finding.breach for finding in check(after(Fault.CUT, Fault.CUT, Fault.AWAY))} == {Breach.OUTCOME}
