"""Checks the records of a run of the ledger against the promise of the gateway. See tests/ledger/README.md.

The promise: no acknowledged write is lost, and each subscriber receives all events, no duplicates, in order. All functions here are pure.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from tests.ledger.records import (
    Document,
    Ended,
    FeedItem,
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

Documents = Mapping[str, Document]

# Close codes of a socket after which clients with the library graphql-ws do not reconnect.
FATAL_CLOSES = frozenset({"1002", "1003", "1007", "1008", "1009", "1010", "1011", "1015", "4400", "4401", "4406", "4409", "4429", "4500"})
# Error codes of a subscription after which a client can subscribe again. The gateway's documentation advises clients to do so, because no client
# library does it by itself.
RETRIABLE_ERRORS = frozenset({"LAGGED"})
STEPS = ("LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED")
MAX_IGNORED = 20
# For each error code of a refusal: the final statuses that contradict it. If the gateway acknowledged such a status before a request was sent, the
# gateway must not refuse the request with this code. An outcome that the gateway concluded from a deadline contradicts only NOT_FINAL, because the
# provider's verdict may replace the outcome.
CONTRADICTIONS = {"NOT_RETRYABLE": ("FAILED", "INCONCLUSIVE"), "NOT_FINAL": ("FAILED", "INCONCLUSIVE", "VERIFIED")}


class Breach(Enum):
    """A way in which the promise can be broken (see the beginning of this file).

    LOST, DOUBLE, OUT_OF_ORDER: what happened to an event on its way to a subscriber. NEVER_HAPPENED: a subscriber received a state that the
    database does not have, or a refused write was executed. SILENT: a subscription stayed open and did not deliver everything. TURNED_AWAY: a
    subscription ended with an error or a close code after which clients do not connect or subscribe again. WRITE_DENIED: a write was refused
    wrongly, for example because the refusal contradicts an acknowledged write.
    """

    LOST = "lost"
    DOUBLE = "double"
    OUT_OF_ORDER = "out of order"
    NEVER_HAPPENED = "never happened"
    SILENT = "silent"
    TURNED_AWAY = "turned away for good"
    WRITE_LOST = "acknowledged write lost"
    WRITE_DOUBLE = "write made twice"
    WRITE_DENIED = "acknowledged write denied"
    BROKEN_DOCUMENT = "broken document"


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach that the checker found: its kind, the verification or the subscriber that it is about, and a description."""

    breach: Breach
    where: str
    what: str


def check(documents: Documents, written: Sequence[Written], logs: Iterable[Log]) -> list[Finding]:
    """Check all records of a run. Returns the breaches that were found: none if the promise was kept."""
    findings = [*broken_documents(documents), *broken_chains(documents), *broken_writes(documents, written)]
    for log in logs:
        findings += endings(documents, log)
        findings += feed_breaches(documents, log) if log.kind is Kind.FEED else verification_breaches(documents, log)
    return findings


def broken_documents(documents: Documents) -> Iterator[Finding]:
    """Find stored verifications whose events have gaps, go back in time or occur twice, or whose status is not what their events say."""
    for document in documents.values():
        yield from broken_outcomes(document)
        if [event.version for event in document.events] != list(range(1, document.version + 1)):
            yield Finding(
                Breach.BROKEN_DOCUMENT, document.id, f"version {document.version} has the events {[event.version for event in document.events]}"
            )
        if [event.at for event in document.events] != sorted(event.at for event in document.events):
            yield Finding(Breach.BROKEN_DOCUMENT, document.id, "its events go back in time")
        for source, times in Counter(document.sources.values()).items():
            if times > 1:
                yield Finding(Breach.WRITE_DOUBLE, document.id, f"the event {source} is there {times} times")


def broken_outcomes(document: Document) -> Iterator[Finding]:
    """Find a status that the rules exclude: the provider's first verdict is final, unless the verification was closed before it.

    Only an outcome that the gateway concluded from a deadline (by SYSTEM) may be replaced, and only a result after a final one may be ignored.

    Also find personal data that an anonymization has left, and events that occur twice although they may occur only once.
    """
    final = False
    for event in document.events:
        if event.type == "STATUS_CHANGED" and final:
            yield Finding(Breach.BROKEN_DOCUMENT, document.id, f"changed to {event.to} after its final status")
        if event.type == "RESULT_IGNORED" and not final:
            yield Finding(Breach.BROKEN_DOCUMENT, document.id, f"ignored the result {event.to} before a final status")
        final = final or (event.type == "STATUS_CHANGED" and event.actor != "SYSTEM")
    if document.status != document.status_at(document.version):
        yield Finding(Breach.BROKEN_DOCUMENT, document.id, f"is {document.status} after a change to {document.status_at(document.version)}")
    counts = Counter(event.type for event in document.events)
    if counts["ANONYMIZED"] and document.personal:
        yield Finding(Breach.BROKEN_DOCUMENT, document.id, "has personal data after its anonymization")
    for once in ("DOCUMENT_ADDED", "ANONYMIZED", "RETRY_CREATED"):
        if counts[once] > 1:
            yield Finding(Breach.BROKEN_DOCUMENT, document.id, f"has the event {once} {counts[once]} times")


def broken_chains(documents: Documents) -> Iterator[Finding]:
    """Find chains whose attempts do not link to each other, and verifications that were created twice."""
    for document in documents.values():
        after = documents.get(document.next or "")
        if document.next and (not after or after.previous != document.id or after.attempt != document.attempt + 1 or after.chain != document.chain):
            yield Finding(Breach.BROKEN_DOCUMENT, document.id, f"its retry {document.next} does not match")
    for previous, times in Counter(document.previous for document in documents.values() if document.previous).items():
        if times > 1 or documents[previous].next is None:
            yield Finding(Breach.WRITE_DOUBLE, previous, f"has {times} retries, and links to {documents[previous].next}")
    for key, times in Counter(document.key for document in documents.values() if document.key).items():
        if times > 1:
            yield Finding(Breach.WRITE_DOUBLE, key, f"created {times} verifications")


def broken_writes(documents: Documents, written: Sequence[Written]) -> Iterator[Finding]:
    """Find acknowledged writes that are missing, refused writes that were executed, and wrong refusals.

    A refusal is wrong if it contradicts an earlier answer, or if no request of the writers could deserve its code (NOT_FOUND, IDEMPOTENCY_CONFLICT).
    """
    keys = {document.key: document for document in documents.values() if document.key}
    acknowledged: dict[str, list[Written]] = defaultdict(list)
    outcomes: dict[str, set[Outcome]] = defaultdict(set)
    for write in written:
        outcomes[write.name].add(write.outcome)
        if write.outcome is Outcome.ACKNOWLEDGED:
            acknowledged[write.id or ""].append(write)
            yield from broken_acknowledgement(documents, keys, write)
    for write in written:
        if write.outcome is Outcome.REFUSED:
            earlier = [ack for ack in acknowledged[write.on or ""] if ack.answered_at < write.sent_at]
            if write.code in ("NOT_FOUND", "IDEMPOTENCY_CONFLICT") or any(contradicts(ack, write) for ack in earlier):
                yield Finding(Breach.WRITE_DENIED, write.on or write.name, f"{write.operation.value} {write.name} was refused with {write.code}")
            document = documents.get(write.on or "")
            if document and outcomes[write.name] == {Outcome.REFUSED} and write.name in document.sources.values():
                yield Finding(Breach.NEVER_HAPPENED, document.id, f"{write.name} was refused with {write.code} and is in the database")


def broken_acknowledgement(documents: Documents, keys: Mapping[str, Document], write: Written) -> Iterator[Finding]:
    """Find out whether the effect of an acknowledged write is missing in the database, or differs from the answer that the writer got."""
    claim = f"{write.operation.value} {write.name}, acknowledged with version {write.version},"
    document = documents.get(write.id or "")
    if not document or document.version < write.version:
        yield Finding(Breach.WRITE_LOST, write.id or "", f"{claim} has {document.version if document else 'no'} version in the database")
        return
    if document.events[: write.version] != write.events:
        yield Finding(Breach.WRITE_LOST, document.id, f"{claim} showed other events than the database has")
    if not PRESENT[write.operation](write, documents, keys):
        yield Finding(Breach.WRITE_LOST, document.id, f"{claim} left no trace")


def created(write: Written, documents: Documents, keys: Mapping[str, Document]) -> bool:
    """Whether the creation was stored: the verification with its idempotency key has the acknowledged id."""
    return write.name in keys and keys[write.name].id == write.id


def progressed(write: Written, documents: Documents, keys: Mapping[str, Document]) -> bool:
    """Whether the progress was stored: there is an event of this step or a later one, or of the final status, after which steps are ignored."""
    history = documents[write.id or ""].events[: write.version]
    taken = [event.type for event in history if event.type in STEPS[STEPS.index(write.claim[0]) :] or event.type == "STATUS_CHANGED"]
    return write.id == write.on and bool(taken)


def concluded(write: Written, documents: Documents, keys: Mapping[str, Document]) -> bool:
    """Whether the result was stored: there is an event with the same status and codes, whichever write it came from.

    If more than MAX_IGNORED results are stored, the event may be missing, because the gateway then stores no further results. If the result is the
    outcome and came with the data of an identity document, these data must be stored too, unless the verification was anonymized.
    """
    status, *codes = write.claim
    document = documents[write.id or ""]
    results = [event for event in document.events[: write.version] if event.type in ("STATUS_CHANGED", "RESULT_IGNORED")]
    kept = [event.type for event in results if event.to == status and set(event.reasons) == set(codes)]
    anonymized = any(event.type == "ANONYMIZED" for event in document.events)
    complete = not write.with_document or "STATUS_CHANGED" not in kept or document.extracted or anonymized
    return write.id == write.on and complete and (bool(kept) or len(results) > MAX_IGNORED)


def retried(write: Written, documents: Documents, keys: Mapping[str, Document]) -> bool:
    """Whether the retry was stored: the retried verification links to the acknowledged one as its retry."""
    retried = documents.get(write.on or "")
    return retried is not None and retried.next == write.id


def anonymized(write: Written, documents: Documents, keys: Mapping[str, Document]) -> bool:
    """Whether the anonymization was stored, exactly once."""
    return write.id == write.on and [event.type for event in documents[write.id or ""].events].count("ANONYMIZED") == 1


def erased(write: Written, documents: Documents, keys: Mapping[str, Document]) -> bool:
    """Whether the attempt and all earlier attempts of its chain were anonymized."""
    last = documents[write.id or ""]
    attempts = [document for document in documents.values() if document.chain == last.chain and document.attempt <= last.attempt]
    return write.id == write.on and all(any(event.type == "ANONYMIZED" for event in document.events) for document in attempts)


def closed(write: Written, documents: Documents, keys: Mapping[str, Document]) -> bool:
    """Whether the closing was stored: the integrator set the status INCONCLUSIVE."""
    events = documents[write.id or ""].events[: write.version]
    return write.id == write.on and any((event.type, event.to, event.actor) == ("STATUS_CHANGED", "INCONCLUSIVE", "INTEGRATOR") for event in events)


PRESENT: dict[Operation, Callable[[Written, Documents, Mapping[str, Document]], bool]] = {
    Operation.CREATE: created,
    Operation.PROGRESS: progressed,
    Operation.RESULT: concluded,
    Operation.RETRY: retried,
    Operation.ANONYMIZE: anonymized,
    Operation.ERASE: erased,
    Operation.CLOSE: closed,
}


def contradicts(acknowledged: Written, refused: Written) -> bool:
    """Whether a refusal contradicts an acknowledged write to the same verification. The write was answered before the refused request was sent."""
    outcome = next((event for event in reversed(acknowledged.events) if event.type == "STATUS_CHANGED"), None)
    # A whole chain can't be erased while its newest attempt is pending, even if the named attempt is final.
    if outcome is None or refused.operation is Operation.ERASE:
        return False
    if outcome.actor == "SYSTEM" and refused.code != "NOT_FINAL":
        return False
    closed = refused.code == "ILLEGAL_TRANSITION" and outcome.actor == "INTEGRATOR"
    return closed or outcome.to in CONTRADICTIONS.get(refused.code or "", ())


def endings(documents: Documents, log: Log) -> Iterator[Finding]:
    """Find subscriptions that ended in a way after which clients do not connect or subscribe again.

    The error NOT_FOUND is no breach if the verification was deleted.
    """
    subscribed: Subscribed | None = None
    for entry in log.entries:
        if isinstance(entry, Subscribed):
            subscribed = entry
        elif isinstance(entry, Ended):
            followed = documents.get(subscribed.id or "") if subscribed else None
            expected = entry.code == "NOT_FOUND" and followed is not None and followed.removed
            refused = entry.how is How.ERROR and entry.code not in RETRIABLE_ERRORS and not expected
            if refused or (entry.how is How.CLOSED and entry.code in FATAL_CLOSES):
                yield Finding(Breach.TURNED_AWAY, log.name, f"{entry.how.value} {entry.code}")


def verification_breaches(documents: Documents, log: Log) -> Iterator[Finding]:
    """Find breaches in the messages that a subscriber to single verifications or chains received."""
    runs: dict[str, dict[str, int]] = {}
    subscription: Subscribed | None = None
    sent: dict[str, int] = {}
    before: dict[str, int] = {}
    waiting = False
    for entry in log.entries:
        match entry:
            case Subscribed():
                subscription, sent, waiting = entry, {}, True
                run = runs.setdefault(entry.id or "", {})
                before = dict(run) if entry.cursor else {}
                received = run.get(entry.id or "")
                if not entry.cursor and received != entry.after and not (received is None and entry.after == 0):
                    yield Finding(Breach.LOST, log.name, f"the test itself subscribed to {entry.id} after {entry.after}, although it had {received}")
            case Ended():
                waiting = False
            case Updated() if subscription and subscription.id:
                yield from message(documents, log, subscription, entry, sent, before)
                sent[entry.id] = entry.version
                run = runs[subscription.id]
                first = entry.events[0].version - 1 if entry.events else entry.version
                if first > run.get(entry.id, first if starts_anywhere(documents, subscription.id, entry.id) else 0):
                    yield Finding(Breach.LOST, log.name, f"{entry.id}: after {run.get(entry.id, 0)} came {first + 1}")
                run[entry.id] = max(run.get(entry.id, 0), entry.version)
            case Quiet() if waiting and subscription and subscription.id:
                if not sent:
                    yield Finding(Breach.SILENT, log.name, f"received nothing about {subscription.id}")
                if (followed := documents.get(subscription.id)) and followed.removed:
                    yield Finding(Breach.SILENT, log.name, f"received no error after {subscription.id} was deleted")
                for id, version in behind(documents, log.kind, subscription.id, runs[subscription.id]):
                    yield Finding(
                        Breach.SILENT,
                        log.name,
                        f"{id} of {subscription.id} stays at {runs[subscription.id].get(id)} of {version} on an open subscription",
                    )
    for root, run in runs.items():
        for id, version in behind(documents, log.kind, root, run):
            yield Finding(Breach.LOST, log.name, f"{id} of {root} ends at {run.get(id)} of {version}")


def message(
    documents: Documents, log: Log, subscription: Subscribed, update: Updated, sent: Mapping[str, int], before: Mapping[str, int]
) -> Iterator[Finding]:
    """Find breaches in one message.

    For each verification, `sent` has the version of the last message that the same subscription delivered, and `before` the last version received
    before the subscription, if it resumed with a cursor.
    """
    document = documents.get(update.id)
    if not document or update.version > document.version:
        yield Finding(Breach.NEVER_HAPPENED, log.name, f"{update.id} at {update.version}, which the database does not have")
        return
    versions = [event.version for event in update.events]
    at = f"{update.id} at {update.version} with {versions}"
    if update.id in sent:
        last: int | None = sent[update.id]
    elif update.id in before:
        last = before[update.id]
    elif update.id == subscription.id:
        last = subscription.after if isinstance(subscription.after, int) else None
    else:
        last = None if starts_anywhere(documents, subscription.id or "", update.id) else 0
    followed = documents.get(subscription.id or "")
    if followed and (document.chain if log.kind is Kind.CHAIN else document.id) != (followed.chain if log.kind is Kind.CHAIN else followed.id):
        yield Finding(Breach.NEVER_HAPPENED, log.name, f"{at} came in a subscription to {subscription.id}")
    if last is not None and versions != list(range(last + 1, update.version + 1)):
        yield Finding(breach_of(last, versions, update.version), log.name, f"{at}, after {last}")
    if last is None and versions and update.id == subscription.id and not subscription.cursor:
        yield Finding(Breach.DOUBLE, log.name, f"{at}, although the subscription requested no earlier events")
    if update.id in sent and not versions:
        yield Finding(Breach.DOUBLE, log.name, f"{at}, with nothing new")
    if set(update.events) - set(document.events) or update.status != document.status_at(update.version):
        yield Finding(Breach.NEVER_HAPPENED, log.name, f"{at} is {update.status} with events that the database does not have")


def starts_anywhere(documents: Documents, root: str, id: str) -> bool:
    """Whether a subscription to the verification `root` may begin in the middle of this verification's events.

    That is the case for `root` itself and for earlier attempts. Of later attempts, all events are sent.
    """
    return id == root or (id in documents and root in documents and documents[id].attempt < documents[root].attempt)


def breach_of(last: int, versions: Sequence[int], version: int) -> Breach:
    """The kind of the breach, if a message has the events `versions`, but should have those from `last` + 1 to `version`, each once and in order."""
    wanted = range(last + 1, version + 1)
    if version < last:
        return Breach.OUT_OF_ORDER
    if set(wanted) - set(versions):
        return Breach.LOST
    return Breach.OUT_OF_ORDER if sorted(versions) == list(wanted) else Breach.DOUBLE


def behind(documents: Documents, kind: Kind, root: str, run: Mapping[str, int]) -> list[tuple[str, int]]:
    """The verifications of which a subscriber has not received the newest version: pairs of the id and the newest version in the database.

    The subscriber followed `root`, and if `kind` is CHAIN the other attempts too. `run`: the latest version received, by id. The result is empty if
    `root` is not in the database, or if the subscriber received nothing about it. Earlier attempts count if the subscriber received one of their
    events.
    """
    if root not in documents or root not in run or documents[root].removed:
        return []
    first = documents[root]
    chain = [each for each in documents.values() if each.chain == first.chain and (each.attempt >= first.attempt or each.id in run)]
    wanted = [first] if kind is Kind.SINGLE else chain
    return [(each.id, each.version) for each in wanted if run.get(each.id) != each.version]


def feed_breaches(documents: Documents, log: Log) -> Iterator[Finding]:
    """Find breaches in the messages that a subscriber to the workspace received."""
    latest: dict[str, Row] = {}
    sent: dict[str, int] = {}
    resumed = waiting = based = False
    for entry in log.entries:
        match entry:
            case Subscribed():
                sent, resumed, waiting = {}, entry.after is not None, True
                if not resumed:
                    latest, based = {}, False
            case Ended():
                waiting = False
            case Listed():
                based = True
                for row in entry.rows:
                    yield from state(documents, log, row)
                    latest[row.id] = later(row, latest.get(row.id))
            case FeedItem(row=Row() as row):
                yield from state(documents, log, row)
                # Only after a resumption may the gateway send a state that it has sent before. Clients recognize it by its id and version.
                if row.version <= sent.get(row.id, 0) and not resumed:
                    again = row.version == sent[row.id]
                    yield Finding(Breach.DOUBLE if again else Breach.OUT_OF_ORDER, log.name, f"{row.id} at {row.version} after {sent[row.id]}")
                sent[row.id] = max(row.version, sent.get(row.id, 0))
                latest[row.id] = later(row, latest.get(row.id))
            case Quiet() if waiting and based:
                for description in outdated(documents, log, latest):
                    yield Finding(Breach.SILENT, log.name, description)
    if based:
        for description in outdated(documents, log, latest):
            yield Finding(Breach.LOST, log.name, description)


def later(row: Row, other: Row | None) -> Row:
    """The newer of two states of the same verification. `other` is None if there is only one."""
    return other if other and other.version >= row.version else row


def state(documents: Documents, log: Log, row: Row) -> Iterator[Finding]:
    """Find a breach if a subscriber received a state that the verification never had, according to its document in the database."""
    document = documents.get(row.id)
    if not document or row.version > document.version or row.status != document.status_at(row.version) or row.attempt != document.attempt:
        yield Finding(Breach.NEVER_HAPPENED, log.name, f"{row.id} as {row.status} at {row.version}, which the database does not have")


def outdated(documents: Documents, log: Log, latest: Mapping[str, Row]) -> Iterator[str]:
    """Descriptions of the verifications about which a subscriber to the workspace is not up to date.

    The subscriber is not up to date if it has not received the newest state that matches its filter, or if it has not learned that a verification
    no longer matches the filter. `latest`: the newest state that the subscriber received of each verification, by id.
    """
    for document in documents.values():
        row = latest.get(document.id)
        # Subscribers to a workspace learn only of deletions by the gateway. The ledger deletes directly in MongoDB, and the change stream does not
        # contain the workspace of a deleted document.
        if document.removed:
            continue
        if log.filter.matches(document.status, document.attempt):
            if not row or row.version != document.version:
                yield f"{document.id} is at {document.version}, and the feed sent {row.version if row else 'nothing'}"
        elif row and log.filter.matches(row.status, row.attempt):
            yield f"{document.id} left the list at {document.version}, and the feed sent {row.version}"


def verdict(findings: Sequence[Finding]) -> dict[str, int]:
    """The number of breaches of each kind, for the report."""
    counted = Counter(finding.breach for finding in findings)
    return {breach.value: counted[breach] for breach in Breach}
