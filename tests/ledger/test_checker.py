"""Tests of the checker: tests falsify the records of a good run, and the checker must find the breach. Changes that are allowed are no breach."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from tests.ledger.checker import Breach, check
from tests.ledger.records import (
    Document,
    Ended,
    Entry,
    Event,
    FeedItem,
    Filter,
    How,
    Kind,
    Listed,
    Log,
    Operation,
    Outcome,
    Quiet,
    Row,
    Subscribed,
    Updated,
    Written,
)

KEPT = Event(4, "STATUS_CHANGED", 1040, "FAILED", ("IDVV_2101",), "PROVIDER")
EXPIRED = Event(3, "STATUS_CHANGED", 1030, "INCONCLUSIVE", ("IDVV_1121",), "SYSTEM")
EVENTS = (
    Event(1, "CREATED", 1010, "PENDING", (), "INTEGRATOR"),
    Event(2, "LINK_OPENED", 1020, None, (), "INDIVIDUAL"),
    Event(3, "CAPTURE_STARTED", 1030, None, (), "INDIVIDUAL"),
    KEPT,
    Event(5, "RETRY_CREATED", 1050, None, (), "INTEGRATOR"),
)
RETRIED = (Event(1, "CREATED", 1050, "PENDING", (), "INTEGRATOR"), Event(2, "LINK_OPENED", 1060, None, (), "INDIVIDUAL"))
SOURCES = {2: "step-1", 3: "step-2", 4: "result-1"}


def a_first_attempt() -> Document:
    """The stored first attempt `ver_1`, which failed and was retried."""
    return Document("ver_1", "ver_1", 1, None, "ver_2", 5, "FAILED", "key-1", EVENTS, SOURCES)


def a_second_attempt() -> Document:
    """The stored retry `ver_2` of the first attempt, which is pending."""
    return Document("ver_2", "ver_1", 2, "ver_1", None, 2, "PENDING", None, RETRIED, {2: "step-3"})


def acknowledged(operation: Operation, name: str, version: int, *claim: str) -> Written:
    """The record of an acknowledged write, which gave the first attempt this version. `claim`: the step, or the status and codes, of the write."""
    on = None if operation is Operation.CREATE else "ver_1"
    return Written(operation, name, on, claim, Outcome.ACKNOWLEDGED, 1.0, 1.1, None, "ver_1", version, EVENTS[:version])


def an_update(*versions: int, id: str = "ver_1") -> Updated:
    """The record of a message with the events of these versions. The verification in the message has the last of these versions."""
    history = EVENTS if id == "ver_1" else RETRIED
    status = "FAILED" if id == "ver_1" and versions[-1] >= 4 else "PENDING"
    return Updated(2.0, id, versions[-1], status, tuple(history[version - 1] for version in versions))


def subscribed(id: str | None, after: int | str | None, cursor: str | None = None) -> Subscribed:
    """The record that a subscriber sent a subscription."""
    return Subscribed(1.0, "gateway-1", id, after, cursor)


def feed_item(id: str, version: int, status: str = "PENDING") -> FeedItem:
    """The record that a subscriber to the workspace received a message with this state."""
    return FeedItem(2.0, "cursor", Row(id, version, status, 1 if id == "ver_1" else 2))


def cut() -> Ended:
    """The record that a connection was lost."""
    return Ended(3.0, How.CUT, "")


@dataclass
class Evidence:
    """The records of a run in which the gateway kept its promise (see checker.py). A test falsifies them, and the checker must find the breach."""

    documents: dict[str, Document] = field(default_factory=lambda: {"ver_1": a_first_attempt(), "ver_2": a_second_attempt()})
    written: list[Written] = field(
        default_factory=lambda: [
            acknowledged(Operation.CREATE, "key-1", 1),
            acknowledged(Operation.PROGRESS, "step-1", 2, "LINK_OPENED"),
            acknowledged(Operation.PROGRESS, "step-2", 3, "CAPTURE_STARTED"),
            Written(Operation.RESULT, "result-1", "ver_1", ("FAILED", "IDVV_2101"), Outcome.UNKNOWN, 1.0, 1.1, "TIMEOUT"),
            Written(Operation.RESULT, "result-2", "ver_1", ("VERIFIED",), Outcome.UNKNOWN, 1.0, 1.1, "TIMEOUT"),
            replace(acknowledged(Operation.RETRY, "retry-ver_1", 1), id="ver_2", events=RETRIED[:1]),
        ]
    )
    single: list[Entry] = field(
        default_factory=lambda: [
            subscribed("ver_1", 0),
            an_update(1),
            an_update(2),
            cut(),
            subscribed("ver_1", 2),
            an_update(3, 4),
            Ended(3.0, How.COMPLETE, ""),
            subscribed("ver_1", 4),
            an_update(5),
            Ended(3.0, How.COMPLETE, ""),
            Quiet(4.0),
        ]
    )
    chain: list[Entry] = field(
        default_factory=lambda: [
            subscribed("ver_1", None),
            Updated(2.0, "ver_1", 1, "PENDING", ()),
            an_update(2, 3, 4),
            an_update(1, id="ver_2"),
            an_update(5),
            cut(),
            subscribed("ver_1", None, "cursor"),
            an_update(2, id="ver_2"),
            Quiet(4.0),
        ]
    )
    feed: list[Entry] = field(
        default_factory=lambda: [
            subscribed(None, None),
            FeedItem(2.0, "cursor", None),
            Listed(2.0, (Row("ver_1", 1, "PENDING", 1),)),
            feed_item("ver_1", 2),
            feed_item("ver_1", 4, "FAILED"),
            cut(),
            subscribed(None, "cursor"),
            feed_item("ver_1", 4, "FAILED"),
            feed_item("ver_1", 5, "FAILED"),
            feed_item("ver_2", 2),
            Quiet(4.0),
        ]
    )
    filter: Filter = field(default_factory=Filter)

    def breaches(self) -> set[Breach]:
        """Check the records. Returns the kinds of the breaches that were found."""
        logs = [
            Log("single", Kind.SINGLE, Filter(), self.single),
            Log("chain", Kind.CHAIN, Filter(), self.chain),
            Log("feed", Kind.FEED, self.filter, self.feed),
        ]
        return {finding.breach for finding in check(self.documents, self.written, logs)}

    def rewrite(self, number: int, **changes: object) -> None:
        """Falsify the record with this number in `written`, the records of the writers."""
        self.written[number] = replace(self.written[number], **changes)  # type: ignore[arg-type]

    def redocument(self, id: str, **changes: object) -> None:
        """Falsify the document with this id in the database."""
        self.documents[id] = replace(self.documents[id], **changes)  # type: ignore[arg-type]


def test_the_records_of_a_good_run_contain_no_breach() -> None:
    assert Evidence().breaches() == set()


def test_a_filtered_feed_need_not_send_states_that_do_not_match_any_more() -> None:
    evidence = Evidence(filter=Filter(status=("PENDING",)))

    evidence.feed.remove(feed_item("ver_1", 5, "FAILED"))

    assert evidence.breaches() == set()


def test_a_feed_may_start_again_without_a_cursor_and_read_the_list_again() -> None:
    evidence = Evidence()

    evidence.feed[:] = [*evidence.feed[:4], cut(), subscribed(None, None), Listed(2.0, (Row("ver_1", 5, "FAILED", 1), Row("ver_2", 2, "PENDING", 2)))]

    assert evidence.breaches() == set()


def test_a_verdict_may_replace_an_outcome_that_the_gateway_concluded_from_a_deadline() -> None:
    evidence = Evidence()

    evidence.redocument("ver_1", events=(*EVENTS[:2], EXPIRED, *EVENTS[3:]))
    evidence.written = [write for write in evidence.written if write.name == "key-1"]
    evidence.single[:], evidence.chain[:], evidence.feed[:] = [], [], []

    assert evidence.breaches() == set()


def test_a_subscription_to_a_deleted_verification_ends_with_an_error() -> None:
    evidence = Evidence()

    evidence.single[:] = [subscribed("ver_1", 0), an_update(1, 2, 3), Ended(3.0, How.ERROR, "NOT_FOUND"), Quiet(4.0)]
    evidence.redocument("ver_1", removed=True)
    evidence.chain[:] = []

    assert evidence.breaches() == set()


def an_event_dropped(evidence: Evidence) -> None:
    evidence.single[5] = an_update(4)


def the_last_event_dropped(evidence: Evidence) -> None:
    del evidence.single[7:10]


def a_message_dropped(evidence: Evidence) -> None:
    del evidence.chain[2]


def an_event_doubled(evidence: Evidence) -> None:
    evidence.single[5] = an_update(2, 3, 4)


def a_message_doubled(evidence: Evidence) -> None:
    evidence.single.insert(2, an_update(1))


def an_empty_message(evidence: Evidence) -> None:
    evidence.chain.insert(2, evidence.chain[1])


def two_events_swapped(evidence: Evidence) -> None:
    evidence.single[5] = Updated(2.0, "ver_1", 4, "FAILED", (EVENTS[3], EVENTS[2]))


def two_messages_swapped(evidence: Evidence) -> None:
    evidence.single[1], evidence.single[2] = evidence.single[2], evidence.single[1]


def a_snapshot_read_before_listening(evidence: Evidence) -> None:
    """Falsify the records as if the gateway had read version 2, and version 3 had been written before the gateway listened for changes."""
    evidence.single[4:6] = [subscribed("ver_1", 2), Updated(2.0, "ver_1", 2, "PENDING", ()), an_update(4)]


def a_snapshot_read_before_listening_and_no_more(evidence: Evidence) -> None:
    """Falsify the records as if the last event had been written between the gateway's read of the second attempt and its listening for changes."""
    evidence.chain[7] = Updated(2.0, "ver_2", 1, "PENDING", ())


def an_attempt_dropped(evidence: Evidence) -> None:
    evidence.chain[:] = [entry for entry in evidence.chain if not (isinstance(entry, Updated) and entry.id == "ver_2")]


def an_attempt_that_begins_late(evidence: Evidence) -> None:
    evidence.chain[3] = an_update(2, id="ver_2")


def an_event_repeated_after_a_cursor(evidence: Evidence) -> None:
    evidence.chain[7] = an_update(1, 2, id="ver_2")


def another_attempt_repeated_after_a_cursor(evidence: Evidence) -> None:
    evidence.chain.insert(8, an_update(5))


def an_open_subscription_that_stays_behind(evidence: Evidence) -> None:
    """Falsify the records as if an open subscription had not delivered the last events, and only a later subscription had delivered them."""
    evidence.single[4:] = [subscribed("ver_1", 2), Quiet(4.0), cut(), subscribed("ver_1", 2), an_update(3, 4, 5)]


def a_subscription_that_is_never_answered(evidence: Evidence) -> None:
    evidence.single[9:] = [Ended(3.0, How.COMPLETE, ""), subscribed("ver_1", 5), Quiet(4.0)]


def an_event_that_never_happened(evidence: Evidence) -> None:
    evidence.single[5] = Updated(2.0, "ver_1", 4, "FAILED", (EVENTS[2], replaced(KEPT, "VERIFIED")))


def a_state_that_was_rolled_back(evidence: Evidence) -> None:
    evidence.feed.insert(5, feed_item("ver_1", 6, "FAILED"))


def a_feed_without_the_last_state(evidence: Evidence) -> None:
    evidence.feed.remove(feed_item("ver_1", 5, "FAILED"))


def a_feed_without_a_verification(evidence: Evidence) -> None:
    evidence.feed.remove(feed_item("ver_2", 2))


def a_feed_that_repeats_a_state(evidence: Evidence) -> None:
    evidence.feed.insert(4, feed_item("ver_1", 2))


def a_feed_that_goes_back(evidence: Evidence) -> None:
    evidence.feed.insert(5, feed_item("ver_1", 3))


def a_row_that_never_leaves(evidence: Evidence) -> None:
    evidence.filter = Filter(status=("PENDING",))
    evidence.feed[:] = [entry for entry in evidence.feed if not (isinstance(entry, FeedItem) and entry.row and entry.row.status == "FAILED")]


def an_acknowledged_write_missing(evidence: Evidence) -> None:
    evidence.rewrite(2, version=6, events=(*EVENTS, Event(6, "ANONYMIZED", 1060, None, (), "INTEGRATOR")))


def an_acknowledged_creation_missing(evidence: Evidence) -> None:
    evidence.rewrite(0, id="ver_3")


def an_acknowledged_event_replaced(evidence: Evidence) -> None:
    evidence.rewrite(3, outcome=Outcome.ACKNOWLEDGED, id="ver_1", version=4, events=(*EVENTS[:3], replaced(KEPT, "VERIFIED")))


def an_acknowledged_result_without_a_trace(evidence: Evidence) -> None:
    evidence.rewrite(4, outcome=Outcome.ACKNOWLEDGED, id="ver_1", version=5, events=EVENTS)


def an_acknowledged_retry_that_is_another(evidence: Evidence) -> None:
    evidence.rewrite(5, id="ver_1", version=5, events=EVENTS)


def an_event_applied_twice(evidence: Evidence) -> None:
    evidence.redocument("ver_1", sources={**SOURCES, 5: "result-1"})


def a_key_that_made_two(evidence: Evidence) -> None:
    evidence.redocument("ver_2", key="key-1")


def a_second_retry(evidence: Evidence) -> None:
    evidence.documents["ver_3"] = replace(a_second_attempt(), id="ver_3")


def an_acknowledged_verification_denied(evidence: Evidence) -> None:
    evidence.rewrite(4, outcome=Outcome.REFUSED, code="NOT_FOUND")


def a_refused_write_made(evidence: Evidence) -> None:
    evidence.rewrite(3, outcome=Outcome.REFUSED, code="CONFLICT")


def an_unknown_write_that_is_in_the_database_and_not_in_a_log(evidence: Evidence) -> None:
    evidence.written.append(Written(Operation.PROGRESS, "step-3", "ver_2", ("LINK_OPENED",), Outcome.UNKNOWN, 1.0, 1.1, "TIMEOUT"))
    evidence.chain[7] = Updated(2.0, "ver_2", 1, "PENDING", ())


def an_unknown_write_that_is_in_a_log_and_not_in_the_database(evidence: Evidence) -> None:
    evidence.chain.append(Updated(5.0, "ver_2", 3, "VERIFIED", (Event(3, "STATUS_CHANGED", 1070, "VERIFIED", (), "PROVIDER"),)))


def a_gap_in_a_history(evidence: Evidence) -> None:
    evidence.redocument("ver_1", events=(*EVENTS[:2], *EVENTS[3:]))


def a_final_status_that_changed(evidence: Evidence) -> None:
    evidence.redocument("ver_1", status="VERIFIED")


def a_verdict_that_did_not_replace_a_deadline(evidence: Evidence) -> None:
    """Falsify the document as if the provider's first verdict had been ignored, although it must replace an outcome that came from a deadline."""
    ignored = Event(4, "RESULT_IGNORED", 1040, "FAILED", ("IDVV_2101",), "PROVIDER")
    evidence.redocument("ver_1", events=(*EVENTS[:2], EXPIRED, ignored, EVENTS[4]), status="INCONCLUSIVE")


def a_verdict_that_replaced_a_verdict(evidence: Evidence) -> None:
    evidence.redocument("ver_1", events=(*EVENTS[:2], EXPIRED._replace(actor="PROVIDER"), *EVENTS[3:]))


def a_document_that_was_not_stored(evidence: Evidence) -> None:
    evidence.rewrite(3, outcome=Outcome.ACKNOWLEDGED, id="ver_1", version=4, events=EVENTS[:4], with_document=True)


def a_closing_without_a_trace(evidence: Evidence) -> None:
    evidence.written.append(acknowledged(Operation.CLOSE, "close-ver_1", 5))


def an_attempt_that_was_not_erased(evidence: Evidence) -> None:
    evidence.written.append(acknowledged(Operation.ERASE, "erase-ver_1", 5))


def personal_data_after_the_anonymization(evidence: Evidence) -> None:
    evidence.redocument("ver_1", version=6, events=(*EVENTS, Event(6, "ANONYMIZED", 1060, None, (), "INTEGRATOR")))


def a_deletion_that_is_not_reported(evidence: Evidence) -> None:
    evidence.single[:] = [subscribed("ver_1", 0), an_update(1, 2, 3, 4, 5), Quiet(4.0)]
    evidence.redocument("ver_1", removed=True)


def an_error_for_a_verification_that_is_there(evidence: Evidence) -> None:
    evidence.single[3] = Ended(3.0, How.ERROR, "NOT_FOUND")


def an_error_that_ends_a_subscription_during_an_outage(evidence: Evidence) -> None:
    evidence.single[3] = Ended(3.0, How.ERROR, "UNAVAILABLE")


def a_close_that_clients_take_for_final(evidence: Evidence) -> None:
    evidence.single[3] = Ended(3.0, How.CLOSED, "1011")


def an_error_that_clients_take_for_final(evidence: Evidence) -> None:
    evidence.single[3] = Ended(3.0, How.ERROR, "VERSION_AHEAD")


def replaced(event: Event, to: str) -> Event:
    """A copy of the event with another status, with which a test falsifies a document or a message."""
    return event._replace(to=to)


@pytest.mark.parametrize(
    ("plant", "breach"),
    [
        (an_event_dropped, Breach.LOST),
        (the_last_event_dropped, Breach.LOST),
        (a_message_dropped, Breach.LOST),
        (an_event_doubled, Breach.DOUBLE),
        (a_message_doubled, Breach.DOUBLE),
        (an_empty_message, Breach.DOUBLE),
        (two_events_swapped, Breach.OUT_OF_ORDER),
        (two_messages_swapped, Breach.OUT_OF_ORDER),
        (a_snapshot_read_before_listening, Breach.LOST),
        (a_snapshot_read_before_listening_and_no_more, Breach.SILENT),
        (an_attempt_dropped, Breach.LOST),
        (an_attempt_that_begins_late, Breach.LOST),
        (an_event_repeated_after_a_cursor, Breach.DOUBLE),
        (another_attempt_repeated_after_a_cursor, Breach.DOUBLE),
        (an_open_subscription_that_stays_behind, Breach.SILENT),
        (a_subscription_that_is_never_answered, Breach.SILENT),
        (an_event_that_never_happened, Breach.NEVER_HAPPENED),
        (a_state_that_was_rolled_back, Breach.NEVER_HAPPENED),
        (a_feed_without_the_last_state, Breach.LOST),
        (a_feed_without_a_verification, Breach.LOST),
        (a_feed_that_repeats_a_state, Breach.DOUBLE),
        (a_feed_that_goes_back, Breach.OUT_OF_ORDER),
        (a_row_that_never_leaves, Breach.LOST),
        (an_acknowledged_write_missing, Breach.WRITE_LOST),
        (an_acknowledged_creation_missing, Breach.WRITE_LOST),
        (an_acknowledged_event_replaced, Breach.WRITE_LOST),
        (an_acknowledged_result_without_a_trace, Breach.WRITE_LOST),
        (an_acknowledged_retry_that_is_another, Breach.WRITE_LOST),
        (an_event_applied_twice, Breach.WRITE_DOUBLE),
        (a_key_that_made_two, Breach.WRITE_DOUBLE),
        (a_second_retry, Breach.WRITE_DOUBLE),
        (an_acknowledged_verification_denied, Breach.WRITE_DENIED),
        (a_refused_write_made, Breach.NEVER_HAPPENED),
        (an_unknown_write_that_is_in_the_database_and_not_in_a_log, Breach.SILENT),
        (an_unknown_write_that_is_in_a_log_and_not_in_the_database, Breach.NEVER_HAPPENED),
        (a_gap_in_a_history, Breach.BROKEN_DOCUMENT),
        (a_final_status_that_changed, Breach.BROKEN_DOCUMENT),
        (a_verdict_that_did_not_replace_a_deadline, Breach.BROKEN_DOCUMENT),
        (a_verdict_that_replaced_a_verdict, Breach.BROKEN_DOCUMENT),
        (a_document_that_was_not_stored, Breach.WRITE_LOST),
        (a_closing_without_a_trace, Breach.WRITE_LOST),
        (an_attempt_that_was_not_erased, Breach.WRITE_LOST),
        (personal_data_after_the_anonymization, Breach.BROKEN_DOCUMENT),
        (a_deletion_that_is_not_reported, Breach.SILENT),
        (an_error_for_a_verification_that_is_there, Breach.TURNED_AWAY),
        (an_error_that_ends_a_subscription_during_an_outage, Breach.TURNED_AWAY),
        (a_close_that_clients_take_for_final, Breach.TURNED_AWAY),
        (an_error_that_clients_take_for_final, Breach.TURNED_AWAY),
    ],
)
def test_a_falsified_record_is_found_as_this_kind_of_breach(plant: Callable[[Evidence], None], breach: Breach) -> None:
    evidence = Evidence()

    plant(evidence)

    assert breach in evidence.breaches()
