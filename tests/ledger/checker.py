"""Whether the promise was kept, told from what was written down alone: pure functions over the records."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from tests.ledger.records import Document, Ended, Event, Fed, How, Kind, Listed, Log, Operation, Outcome, Quiet, Row, Subscribed, Updated, Written

Documents = Mapping[str, Document]

# graphql-ws gives up after these, and after errors of a subscription any client does, unless its author was told to ask again.
FATAL_CLOSES = frozenset({"1002", "1003", "1007", "1008", "1009", "1010", "1011", "1015", "4400", "4401", "4406", "4408", "4409", "4429", "4500"})
RETRIABLE_ERRORS = frozenset({"UNAVAILABLE", "TIMEOUT", "LAGGED"})
STEPS = ("LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED")
MAX_IGNORED = 20
# The statuses that show a refusal to be wrong, where they were acknowledged before.
BELIED = {"NOT_RETRYABLE": ("FAILED", "INCONCLUSIVE"), "NOT_FINAL": ("FAILED", "INCONCLUSIVE", "VERIFIED")}


class Fall(Enum):
    """How the promise can be broken."""

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
    """One breach: where, and what."""

    fall: Fall
    where: str
    what: str


def check(documents: Documents, written: Sequence[Written], logs: Iterable[Log]) -> list[Finding]:
    """All breaches; none where the promise was kept."""
    findings = [*broken_documents(documents), *broken_chains(documents), *broken_writes(documents, written)]
    for log in logs:
        findings += endings(log)
        findings += fed(documents, log) if log.kind is Kind.FEED else followed(documents, log)
    return findings


def broken_documents(documents: Documents) -> Iterator[Finding]:
    """Histories with gaps, and final statuses that did not stay."""
    for document in documents.values():
        if [event.version for event in document.events] != list(range(1, document.version + 1)):
            yield Finding(
                Fall.BROKEN_DOCUMENT, document.id, f"version {document.version} has the events {[event.version for event in document.events]}"
            )
        changes = [event.to for event in document.events if event.type == "STATUS_CHANGED"]
        if len(changes) > 1 or document.status != (changes[0] if changes else "PENDING"):
            yield Finding(Fall.BROKEN_DOCUMENT, document.id, f"is {document.status} after the changes {changes}")
        if [event.at for event in document.events] != sorted(event.at for event in document.events):
            yield Finding(Fall.BROKEN_DOCUMENT, document.id, "its events go back in time")
        for source, times in Counter(document.sources.values()).items():
            if times > 1:
                yield Finding(Fall.WRITE_DOUBLE, document.id, f"the event {source} is there {times} times")


def broken_chains(documents: Documents) -> Iterator[Finding]:
    """Retries that don't hang together, and creations made twice."""
    for document in documents.values():
        after = documents.get(document.next or "")
        if document.next and (not after or after.previous != document.id or after.attempt != document.attempt + 1 or after.chain != document.chain):
            yield Finding(Fall.BROKEN_DOCUMENT, document.id, f"its retry {document.next} is not one")
    for previous, times in Counter(document.previous for document in documents.values() if document.previous).items():
        if times > 1 or documents[previous].next is None:
            yield Finding(Fall.WRITE_DOUBLE, previous, f"has {times} retries, and names {documents[previous].next}")
    for key, times in Counter(document.key for document in documents.values() if document.key).items():
        if times > 1:
            yield Finding(Fall.WRITE_DOUBLE, key, f"made {times} verifications")


def broken_writes(documents: Documents, written: Sequence[Written]) -> Iterator[Finding]:
    """Acknowledged writes that are not there, and refused ones that are."""
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
            if write.told in ("NOT_FOUND", "IDEMPOTENCY_CONFLICT") or (any(final(ack.events) in BELIED.get(write.told or "", ()) for ack in earlier)):
                yield Finding(Fall.WRITE_DENIED, write.on or write.name, f"{write.operation.value} {write.name} was refused with {write.told}")
            document = documents.get(write.on or "")
            if document and outcomes[write.name] == {Outcome.REFUSED} and write.name in document.sources.values():
                yield Finding(Fall.NEVER_HAPPENED, document.id, f"{write.name} was refused with {write.told} and is there")


def broken_acknowledgement(documents: Documents, keys: Mapping[str, Document], write: Written) -> Iterator[Finding]:
    """What an acknowledgement promises and the database doesn't hold."""
    told = f"{write.operation.value} {write.name}, acknowledged with version {write.version},"
    document = documents.get(write.id or "")
    if not document or document.version < write.version:
        yield Finding(Fall.WRITE_LOST, write.id or "", f"{told} has {document.version if document else 'no'} version in the database")
        return
    if document.events[: write.version] != write.events:
        yield Finding(Fall.WRITE_LOST, document.id, f"{told} showed other events than the database has")
    if not PRESENT[write.operation](write, documents, keys):
        yield Finding(Fall.WRITE_LOST, document.id, f"{told} left no trace")


def created(write: Written, documents: Documents, keys: Mapping[str, Document]) -> bool:
    """Whether the key has made this very verification."""
    return write.name in keys and keys[write.name].id == write.id


def progressed(write: Written, documents: Documents, keys: Mapping[str, Document]) -> bool:
    """Whether the step was taken, there or before; a final status before it makes it late."""
    known = documents[write.id or ""].events[: write.version]
    taken = [event.type for event in known if event.type in STEPS[STEPS.index(write.claim[0]) :] or event.type == "STATUS_CHANGED"]
    return write.id == write.on and bool(taken)


def concluded(write: Written, documents: Documents, keys: Mapping[str, Document]) -> bool:
    """Whether the result is there, be it as another event of the same result; of very many ignored ones the last ones are not kept."""
    status, *codes = write.claim
    known = [event for event in documents[write.id or ""].events[: write.version] if event.type in ("STATUS_CHANGED", "RESULT_IGNORED")]
    kept = any(event.to == status and set(event.reasons) == set(codes) for event in known)
    return write.id == write.on and (kept or len(known) > MAX_IGNORED)


def retried(write: Written, documents: Documents, keys: Mapping[str, Document]) -> bool:
    """Whether the answer is the one successor."""
    retried = documents.get(write.on or "")
    return retried is not None and retried.next == write.id


def anonymized(write: Written, documents: Documents, keys: Mapping[str, Document]) -> bool:
    """Whether it was done, once."""
    return write.id == write.on and [event.type for event in documents[write.id or ""].events].count("ANONYMIZED") == 1


PRESENT: dict[Operation, Callable[[Written, Documents, Mapping[str, Document]], bool]] = {
    Operation.CREATE: created,
    Operation.PROGRESS: progressed,
    Operation.RESULT: concluded,
    Operation.RETRY: retried,
    Operation.ANONYMIZE: anonymized,
}


def final(events: Iterable[Event]) -> str | None:
    """The final status that events tell of."""
    return next((event.to for event in events if event.type == "STATUS_CHANGED"), None)


def endings(log: Log) -> Iterator[Finding]:
    """Ends after which clients don't come back."""
    for entry in log.entries:
        if isinstance(entry, Ended) and (
            (entry.how is How.CLOSED and entry.code in FATAL_CLOSES) or (entry.how is How.ERROR and entry.code not in RETRIABLE_ERRORS)
        ):
            yield Finding(Fall.TURNED_AWAY, log.name, f"{entry.how.value} {entry.code}")


def followed(documents: Documents, log: Log) -> Iterator[Finding]:
    """Breaches in what a follower of single verifications, or of chains, received."""
    runs: dict[str, dict[str, int]] = {}
    asked: Subscribed | None = None
    sent: dict[str, int] = {}
    waiting = False
    for entry in log.entries:
        match entry:
            case Subscribed():
                asked, sent, waiting = entry, {}, True
                known = runs.setdefault(entry.id or "", {}).get(entry.id or "")
                if known != entry.after and not (known is None and entry.after == 0):
                    yield Finding(Fall.LOST, log.name, f"the test itself asked for {entry.id} after {entry.after} having {known}")
            case Ended():
                waiting = False
            case Updated() if asked and asked.id:
                yield from message(documents, log, asked, entry, sent)
                sent[entry.id] = entry.version
                run = runs[asked.id]
                first = entry.events[0].version - 1 if entry.events else entry.version
                if first > run.get(entry.id, first if entry.id == asked.id else 0):
                    yield Finding(Fall.LOST, log.name, f"{entry.id}: after {run.get(entry.id, 0)} came {first + 1}")
                run[entry.id] = max(run.get(entry.id, 0), entry.version)
            case Quiet() if waiting and asked and asked.id:
                if not sent:
                    yield Finding(Fall.SILENT, log.name, f"was told nothing of {asked.id}")
                for id, version in behind(documents, log.kind, asked.id, runs[asked.id]):
                    yield Finding(Fall.SILENT, log.name, f"{id} of {asked.id} stays at {runs[asked.id].get(id)} of {version} on an open subscription")
    for root, run in runs.items():
        for id, version in behind(documents, log.kind, root, run):
            yield Finding(Fall.LOST, log.name, f"{id} of {root} ends at {run.get(id)} of {version}")


def message(documents: Documents, log: Log, asked: Subscribed, update: Updated, sent: Mapping[str, int]) -> Iterator[Finding]:
    """Breaches in one message, given what the same subscription sent before."""
    document = documents.get(update.id)
    if not document or update.version > document.version:
        yield Finding(Fall.NEVER_HAPPENED, log.name, f"{update.id} at {update.version}, which the database does not have")
        return
    versions = [event.version for event in update.events]
    at = f"{update.id} at {update.version} with {versions}"
    if update.id in sent:
        last: int | None = sent[update.id]
    elif update.id == asked.id:
        last = asked.after if isinstance(asked.after, int) else None
    else:
        last = 0
    if not sent and update.id != asked.id:
        yield Finding(Fall.OUT_OF_ORDER, log.name, f"{at} came first, asked for {asked.id}")
    if last is not None and versions != list(range(last + 1, update.version + 1)):
        yield Finding(fall(last, versions, update.version), log.name, f"{at}, after {last}")
    if last is None and versions:
        yield Finding(Fall.DOUBLE, log.name, f"{at}, though nothing before was asked for")
    if update.id in sent and not versions:
        yield Finding(Fall.DOUBLE, log.name, f"{at}, with nothing new")
    if set(update.events) - set(document.events) or update.status != document.status_at(update.version):
        yield Finding(Fall.NEVER_HAPPENED, log.name, f"{at} is {update.status} and tells of what the database does not have")


def fall(last: int, versions: Sequence[int], version: int) -> Fall:
    """What is wrong with versions that should go from the last one to the version."""
    wanted = range(last + 1, version + 1)
    if version < last:
        return Fall.OUT_OF_ORDER
    if set(wanted) - set(versions):
        return Fall.LOST
    return Fall.OUT_OF_ORDER if sorted(versions) == list(wanted) else Fall.DOUBLE


def behind(documents: Documents, kind: Kind, root: str, run: Mapping[str, int]) -> list[tuple[str, int]]:
    """What the database has of a verification, or of its chain from there on, that a run of versions lacks; nothing where it never began."""
    if root not in documents or root not in run:
        return []
    first = documents[root]
    wanted = [first] if kind is Kind.SINGLE else [each for each in documents.values() if each.chain == first.chain and each.attempt >= first.attempt]
    return [(each.id, each.version) for each in wanted if run.get(each.id) != each.version]


def fed(documents: Documents, log: Log) -> Iterator[Finding]:
    """Breaches in what a follower of the workspace received."""
    known: dict[str, Row] = {}
    sent: dict[str, int] = {}
    resumed = waiting = based = False
    for entry in log.entries:
        match entry:
            case Subscribed():
                sent, resumed, waiting = {}, entry.after is not None, True
                if not resumed:
                    known, based = {}, False
            case Ended():
                waiting = False
            case Listed():
                based = True
                for row in entry.rows:
                    yield from state(documents, log, row)
                    known[row.id] = later(row, known.get(row.id))
            case Fed(row=Row() as row):
                yield from state(documents, log, row)
                # A state may come twice once a client resumed, and clients drop it by id and version; otherwise not.
                if row.version <= sent.get(row.id, 0) and not resumed:
                    again = row.version == sent[row.id]
                    yield Finding(Fall.DOUBLE if again else Fall.OUT_OF_ORDER, log.name, f"{row.id} at {row.version} after {sent[row.id]}")
                sent[row.id] = max(row.version, sent.get(row.id, 0))
                known[row.id] = later(row, known.get(row.id))
            case Quiet() if waiting and based:
                for told in outdated(documents, log, known):
                    yield Finding(Fall.SILENT, log.name, told)
    if based:
        for told in outdated(documents, log, known):
            yield Finding(Fall.LOST, log.name, told)


def later(row: Row, known: Row | None) -> Row:
    """The later state of the two."""
    return known if known and known.version >= row.version else row


def state(documents: Documents, log: Log, row: Row) -> Iterator[Finding]:
    """Breaches in one state."""
    document = documents.get(row.id)
    if not document or row.version > document.version or row.status != document.status_at(row.version) or row.attempt != document.attempt:
        yield Finding(Fall.NEVER_HAPPENED, log.name, f"{row.id} as {row.status} at {row.version}, which the database does not have")


def outdated(documents: Documents, log: Log, known: Mapping[str, Row]) -> Iterator[str]:
    """The verifications of which a feed's follower has not the last state, or of which it was not told that they left its list."""
    for document in documents.values():
        row = known.get(document.id)
        if log.filter.matches(document.status, document.attempt):
            if not row or row.version != document.version:
                yield f"{document.id} is at {document.version}, and the feed told of {row.version if row else 'nothing'}"
        elif row and log.filter.matches(row.status, row.attempt):
            yield f"{document.id} left the list at {document.version}, and the feed told of {row.version}"


def verdict(findings: Sequence[Finding]) -> dict[str, int]:
    """How often the promise was broken, by how."""
    counted = Counter(finding.fall for finding in findings)
    return {fall.value: counted[fall] for fall in Fall}
