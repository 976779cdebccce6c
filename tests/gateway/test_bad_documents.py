"""MongoDB documents that were damaged, or written by a newer release. Clients still see all parts that can be read."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson import DatetimeMS, Int64, ObjectId
from bson.raw_bson import RawBSONDocument
from prometheus_client.parser import text_string_to_metric_families

from domain.caller import Scope
from domain.event import Progress
from domain.request import Idempotency
from domain.status import Status
from domain.verification import Verification
from store.driver import UTC_INSTANTS
from tests.company import CAPTURE_STARTED, Company
from tests.factories import PASSPORT, WINDOWS, a_final_verification, a_verification, retried
from tests.serving import Gateway
from tests.storing import encode
from tests.wire import following

Document = dict[str, Any]
Spoil = Callable[[Document], Document]

ROW = """
fragment Row on Verification {
  id workspaceId reference status phase reasons { code } recommendedAction billable canRetry verificationUrl redirectionUrl faceRecognition
  createdAt updatedAt expiresAt openedAt linkExpiresAt completedAt anonymizedAt provider { name id }
  declaredIdentity { firstName lastName } extractedDocument { fullName type } attempt previousAttempt { id } nextAttempt { id } attempts { id }
  version events { version type actor at fromStatus toStatus reasons { code } note }
}
"""
ONE = "query($id: ID!) { verification(id: $id) { ...Row } }" + ROW
LIST = (
    """
query($first: Int, $after: String) {
  verifications(orderBy: CREATED_OLDEST, first: $first, after: $after) {
    edges { node { ...Row } } totalCount pageInfo { hasNextPage endCursor }
  }
  verificationStats { total byStatus { status count } }
}
"""
    + ROW
)
FEED = "subscription { verificationsUpdated { verification { ...Row } } }" + ROW
PROGRESS = """
mutation($id: ID!) {
  reportProgress(input: { verificationId: $id, progress: CAPTURE_STARTED }) { ... on Verification { version phase } ... on Refusal { code } }
}
"""
BROKEN, REPLACED = "broken-text", "broke\ufffd-text"


@dataclass(frozen=True)
class Kind:
    """A kind of MongoDB document that this release can't read completely, and what clients see of its verification.

    `spoil`: turns a usual document into one of this kind. `bad`: the unreadable field, if the whole verification is left out because of it.
    `shown`: the fields of the row (see ROW) that differ from those of the usual document. `errors`: the path of each null, and the field that can't
    be read. `counted` and `pending`: how many verifications, and how many pending ones, the workspace's statistics count. They include the healthy
    verification that the test adds. `id`: what the log shows as the document's id, if it is not the id itself.
    """

    spoil: Spoil
    bad: str | None = None
    shown: Callable[[Document], Document] = lambda row: {}
    errors: list[tuple[list[str | int], str]] = field(default_factory=list)
    counted: int = 2
    pending: int = 2
    id: str | None = None


def usual(company: Company) -> Verification:
    """A pending verification that has a value in every field that the tests damage."""
    now = datetime.now(UTC)
    pending = a_verification(workspace=company.workspace, at=now, idempotency=Idempotency(f"key-{now}", "fingerprint")).progressed(
        Progress.LINK_OPENED, WINDOWS, now
    )
    created, opened = pending.events
    noted = replace(opened, from_status=Status.PENDING, to_status=Status.PENDING, reasons=("IDVV_1301",), note="a note")
    return replace(pending, extracted=PASSPORT, reasons=("IDVV_1301", "IDVV_9999"), events=(created, noted))


def changed(**values: Any) -> Spoil:
    """Makes a function that changes fields of a document. The name `events__1__at` stands for the field `at` of the second event."""

    def spoil(document: Document) -> Document:
        for name, value in values.items():
            *above, last = name.split("__")
            place: Any = document
            for key in above:
                place = place[int(key) if key.isdigit() else key]
            place[int(last) if last.isdigit() else last] = value
        return document

    return spoil


def without(name: str) -> Spoil:
    """Makes a function that removes a field of a document. The name `events.1.at` stands for the field `at` of the second event."""

    def spoil(document: Document) -> Document:
        *above, last = name.split(".")
        place: Any = document
        for key in above:
            place = place[int(key) if key.isdigit() else key]
        del place[last]
        return document

    return spoil


def left_out(spoil: Spoil, bad: str, **counts: Any) -> Kind:
    """A kind of damaged document whose verification is left out as a whole, because the field `bad` can't be read."""
    return Kind(spoil, bad, **counts)


def shown(spoil: Spoil, **row: Any) -> Kind:
    """A kind of damaged document whose verification is shown without errors. `row`: the values that differ from those of the usual document."""
    return Kind(spoil, shown=lambda _: row)


def nulled(spoil: Spoil, path: str, bad: str, **row: Any) -> Kind:
    """A kind of damaged document whose verification is shown with null at `path`, and an error about the unreadable field `bad`."""
    keys: list[str | int] = [int(key) if key.isdigit() else key for key in path.split(".")]
    return Kind(spoil, shown=lambda _: row or {path: None}, errors=[(keys, bad)])


def first_event(row: Document) -> Document:
    return {"events": row["events"][:1]}


def second_event(**values: Any) -> Callable[[Document], Document]:
    return lambda row: {"events": [row["events"][0], row["events"][1] | values]}


def event_left_out(spoil: Spoil) -> Kind:
    """A kind of damaged document whose verification is shown without its second event."""
    return Kind(spoil, shown=first_event)


def event_nulled(spoil: Spoil, name: str, bad: str) -> Kind:
    """A kind of damaged document whose verification is shown with null for the value `name` of its second event, and an error."""
    return Kind(spoil, shown=second_event(**{name: None}), errors=[(["events", 1, name], bad)])


KINDS = {
    # Fields that are required and have no default.
    "an unknown status": left_out(changed(status="suspended"), "status", pending=1),
    "a status of another type": left_out(changed(status={"name": "pending"}), "status", pending=1),
    "a status that is not UTF-8": left_out(changed(status=BROKEN), "status", pending=1),
    "no status": left_out(without("status"), "status", pending=1),
    "no version": left_out(without("version"), "version"),
    "a version of another type": left_out(changed(version="2"), "version"),
    "a version of 64 bits": left_out(changed(version=Int64(2**40)), "version"),
    "no creation": left_out(without("createdAt"), "createdAt"),
    "a creation that is a text": left_out(changed(createdAt="2026-03-02T12:00:00Z"), "createdAt"),
    "no last change": left_out(without("updatedAt"), "updatedAt"),
    "a last change that is a number": left_out(changed(updatedAt=7), "updatedAt"),
    "no expiry": left_out(without("expiresAt"), "expiresAt"),
    "no redirection": left_out(without("redirectionUrl"), "redirectionUrl"),
    "a redirection that is a list": left_out(changed(redirectionUrl=[]), "redirectionUrl"),
    "no workspace": left_out(without("workspace"), "workspace", counted=1, pending=1),
    "a workspace of another type": left_out(changed(workspace={"name": "acme"}), "workspace", counted=1, pending=1),
    "an id of another type": left_out(lambda document: document | {"_id": ObjectId()}, "_id", id="<ObjectId>"),
    "an id that is an object": left_out(lambda document: document | {"_id": {"not": document["_id"]}}, "_id", id="<dict>"),
    # Fields that have a default, but hold a value of a wrong type.
    "a chain of another type": left_out(changed(chain=7), "chain"),
    "an attempt of another type": left_out(changed(attempt="first"), "attempt"),
    "a face recognition of another type": left_out(changed(faceRecognition="yes"), "faceRecognition"),
    "reasons that are a text": left_out(changed(reasons="IDVV_1301"), "reasons"),
    "events that are no list": left_out(changed(events={"0": {}}), "events"),
    # Fields that have a default, and are missing.
    "no chain": shown(without("chain")),
    "no attempt": shown(without("attempt")),
    "no face recognition": shown(without("faceRecognition")),
    "no reasons": shown(without("reasons"), reasons=[]),
    "reasons that are null": shown(changed(reasons=None), reasons=[]),
    "no events": shown(without("events"), events=[]),
    "no provider": shown(without("provider"), provider=None, verificationUrl=None),
    "reasons that are no texts": shown(changed(reasons=[7, "IDVV_1301", None, {}]), reasons=[{"code": "IDVV_1301"}]),
    # Fields that may be null, but hold a value that can't be read.
    "a reference of another type": nulled(changed(reference={"name": "order-1"}), "reference", "reference"),
    "a provider of another type": Kind(
        changed(provider="sandbox"),
        shown=lambda _: {"provider": None, "verificationUrl": None},
        errors=[(["provider", "name"], "provider"), (["verificationUrl"], "provider")],
    ),
    "a provider without a name": nulled(without("provider.name"), "provider.name", "provider.name", provider=None),
    "a link of another type": nulled(changed(provider__url=7), "verificationUrl", "provider.url"),
    "a provider's id of another type": nulled(changed(provider__id=7), "provider.id", "provider.id", provider={"name": "sandbox", "id": None}),
    "an opening that is a text": nulled(changed(openedAt="yesterday"), "openedAt", "openedAt"),
    "a deadline that is a text": nulled(changed(linkExpiresAt="tomorrow"), "linkExpiresAt", "linkExpiresAt"),
    "an outcome's time that is a text": nulled(changed(completedAt="tomorrow"), "completedAt", "completedAt"),
    "an anonymization that is a number": nulled(changed(anonymizedAt=7), "anonymizedAt", "anonymizedAt"),
    "a previous attempt of another type": nulled(changed(previous=7), "previousAttempt", "previous"),
    "a next attempt of another type": nulled(changed(next=[]), "nextAttempt", "next"),
    "names that are not encrypted": nulled(changed(declared={"firstName": "Jeanne"}), "declaredIdentity", "declared"),
    "a sealed document that was cut": nulled(changed(extracted__data=b"x"), "extractedDocument", "extracted"),
    "an idempotency of another type": shown(changed(idempotency="key-1")),
    "an opening beyond the year 9999": shown(changed(openedAt=DatetimeMS(2**50)), openedAt="9999-12-31T23:59:59.999Z"),
    # Parts of an event.
    "an event of an unknown type": event_left_out(changed(events__1__type="capture_paused")),
    "an event by an unknown actor": event_left_out(changed(events__1__actor="robot")),
    "an event without an instant": event_left_out(without("events.1.at")),
    "an event with reasons that are a text": event_left_out(changed(events__1__reasons="IDVV_1301")),
    "an event that is no object": event_left_out(changed(events__1="opened")),
    "an event without a version": shown(without("events.1.version")),
    "an event from an unknown status": event_nulled(changed(events__1__from="suspended"), "fromStatus", "events.from"),
    "an event to an unknown status": event_nulled(changed(events__1__to={}), "toStatus", "events.to"),
    "a note of another type": event_nulled(changed(events__1__note=["a note"]), "note", "events.note"),
    # Text that is not UTF-8.
    "a reference that is not UTF-8": shown(changed(reference=BROKEN), reference=REPLACED),
    "a link that is not UTF-8": shown(changed(provider__url=BROKEN), verificationUrl=REPLACED),
    "a reason that is not UTF-8": shown(changed(reasons=[BROKEN]), reasons=[{"code": REPLACED}]),
    "a note that is not UTF-8": Kind(changed(events__1__note=BROKEN), shown=second_event(note=REPLACED)),
    "an unknown field that is not UTF-8": shown(changed(riskReason=BROKEN)),
    # Fields that a newer release of the gateway may add to stored documents.
    "unknown fields": shown(changed(schema=2, riskScore=0.7, provider__region="eu", events__0__channel="sms", due_at=[{"x": 1}])),
}


def stored(document: Document) -> RawBSONDocument:
    """The encoded document to insert. Each text BROKEN in it is replaced by a text that is not UTF-8, which the driver itself would not encode."""
    return RawBSONDocument(bson.encode(document).replace(BROKEN.encode(), b"broke\xff-text"))


def read_back(company: Company, id: object) -> Document:
    """Read the document with this id from the database, without the gateway."""
    document: Document | None = company.collection.with_options(codec_options=UTC_INSTANTS).find_one({"_id": id})
    assert document
    return document


def errors(kind: Kind, id: str, *above: str | int) -> list[Document]:
    """The errors that a response must have if it shows the verification at the path `above`."""
    return [
        {"message": f"{bad} of {id} can't be read by this release", "path": [*above, *path], "extensions": {"code": "BAD_DOCUMENT"}}
        for path, bad in kind.errors
    ]


def errors_of(answer: Document) -> list[Document]:
    """The errors of a response in a fixed order, without their line numbers in the operation document."""
    return sorted(({name: value for name, value in error.items() if name != "locations"} for error in answer.get("errors", [])), key=repr)


def version_of(id: str, message: Document) -> int | None:
    """The version of the verification that a subscription's message shows; None if it shows another verification."""
    row = message["data"]["verificationsUpdated"]["verification"]
    return row["version"] if row and row["id"] == id else None


async def bad_documents(gateway: Gateway) -> float:
    """How many unreadable documents and values the gateway has counted so far."""
    families = text_string_to_metric_families((await gateway.client.get("/metrics")).text)
    [value] = [sample.value for family in families for sample in family.samples if sample.name == "gateway_bad_documents_total"]
    return value


def put(company: Company, kind: Kind) -> tuple[Document, Verification]:
    """Insert a document of this kind. Returns the document as it is read from the database, and the verification that it was made from."""
    before = usual(company)
    document = kind.spoil(encode(before))
    company.collection.insert_one(stored(document))
    return read_back(company, document["_id"]), before


async def rows_of(company: Company, verification: Verification) -> Document:
    """How clients see this verification if its document is not damaged. The document is inserted, read through the API and deleted."""
    company.collection.insert_one(encode(verification))
    row: Document = (await company.ask(ONE, {"id": verification.id}))["verification"]
    company.collection.delete_one({"_id": verification.id})
    return row


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_pages_and_feeds_show_other_documents_and_the_readable_parts_of_a_bad_one(
    company: Company, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    before = usual(company)
    undamaged = await rows_of(company, before)
    expected = undamaged | kind.shown(undamaged)
    healthy = await company.created()
    document = kind.spoil(encode(before))
    count = await bad_documents(company.gateway)

    async with following(company.gateway, company.token(), FEED) as updates:
        await updates.next()
        company.collection.insert_one(stored(document))
        await company.progress(healthy, CAPTURE_STARTED)
        received = [await updates.response()]
        while version_of(healthy, received[-1]) != 2:
            received.append(await updates.response())
    # The feed may have sent two messages more, depending on when it started: the insertion by `rows_of` and the creation of the healthy verification.
    # They are not compared.
    received = [message for message in received if version_of(healthy, message) != 1]
    if received[0]["data"]["verificationsUpdated"]["verification"] == undamaged and len(received) > (1 if kind.bad else 2):
        del received[0]
    page = await company.answer(LIST)
    one = await company.answer(ONE, {"id": before.id})

    [row] = [edge["node"] for edge in page["data"]["verifications"]["edges"] if edge["node"]["id"] == healthy]
    rows = [row] if kind.bad else [expected, row]
    at = 0 if kind.bad else [edge["node"]["id"] for edge in page["data"]["verifications"]["edges"]].index(before.id)
    assert sorted((edge["node"] for edge in page["data"]["verifications"]["edges"]), key=repr) == sorted(rows, key=repr)
    assert errors_of(page) == sorted(errors(kind, before.id, "verifications", "edges", at, "node"), key=repr)
    assert page["data"]["verifications"]["totalCount"] == page["data"]["verificationStats"]["total"] == kind.counted
    assert page["data"]["verificationStats"]["byStatus"][0] == {"status": "PENDING", "count": kind.pending}
    assert (row["version"], row["phase"]) == (2, "CAPTURING")
    assert [message["data"]["verificationsUpdated"]["verification"] for message in received] == ([row] if kind.bad else [expected, row])
    assert [errors_of(message) for message in received][:-1] == (
        [] if kind.bad else [errors(kind, before.id, "verificationsUpdated", "verification")]
    )
    if not kind.bad:
        assert (one["data"], errors_of(one)) == ({"verification": expected}, errors(kind, before.id, "verification"))
    elif kind.counted == 1 or kind.id:
        assert one == {"data": {"verification": None}}
    else:
        [error] = errors_of(one)
        assert (one["data"], error["extensions"]) == ({"verification": None}, {"code": "BAD_DOCUMENT"})
        assert (error["message"], error["path"]) == (f"{kind.bad} of {before.id} can't be read by this release", ["verification"])
    bad = {kind.bad} if kind.bad else {name for _, name in kind.errors}
    lines = [message for message in caplog.messages if "verification" in message and " can't be " in message]
    assert sorted({line.split(" of ")[0] for line in lines}) == sorted(bad)
    assert len(lines) == len(bad)
    assert all(f" of verification {kind.id or before.id} " in line for line in lines)
    assert (await bad_documents(company.gateway) > count) is bool(bad)
    assert (await company.gateway.client.get("/readyz")).status_code == 200


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_a_mutation_preserves_unreadable_parts_or_is_refused_without_writing(company: Company, kind: Kind) -> None:
    document, before = put(company, kind)

    answer = await company.ask(PROGRESS, {"id": before.id}, company.token(Scope.REPORT))

    after = read_back(company, document["_id"])
    if kind.bad:
        code = "NOT_FOUND" if kind.counted == 1 or kind.id else "CONFLICT"
        assert answer == {"reportProgress": {"code": code}}
        assert after == document
        return
    at = after["updatedAt"]
    event = {"version": 3, "type": "capture_started", "actor": "individual", "at": at}
    # If the link's deadline can't be read, the gateway computes `due` from `expiresAt` alone. The mutation does not change this computed value. So
    # the gateway does not write `due`, and the stored value stays.
    due = document["due" if document["linkExpiresAt"] == "tomorrow" else "expiresAt"]
    assert answer == {"reportProgress": {"version": 3, "phase": "CAPTURING"}}
    assert at >= before.updated_at
    assert after == document | {
        "storedAt": after["storedAt"],
        "version": 3,
        "captureStartedAt": at,
        "updatedAt": at,
        "due": due,
        "events": [*document.get("events", []), event],
    }


@pytest.mark.parametrize("place", ["status", "version"])
async def test_every_mutation_of_an_unreadable_verification_is_refused(company: Company, place: str) -> None:
    final = a_final_verification(workspace=company.workspace, idempotency=Idempotency("key-1", "fingerprint"))
    company.collection.insert_one(encode(final) | {place: "suspended"})
    document = read_back(company, final.id)

    answers = [
        await company.create(idempotencyKey="key-1"),
        await company.progress(final.id, CAPTURE_STARTED),
        await company.result(final.id, "VERIFIED"),
        await company.retry(final.id),
        await company.anonymize(final.id),
        await company.issue(final.id),
    ]

    refusal = {"__typename": "Refusal", "code": "CONFLICT", "message": f"{place} of {final.id} can't be read by this release", "field": None}
    assert answers == [refusal] * len(answers)
    assert company.kept() == [document]


async def test_pages_continue_after_unreadable_verifications(company: Company) -> None:
    ids = [await company.created() for _ in range(6)]
    company.collection.update_many({"_id": {"$in": ids[:3] + ids[4:5]}}, {"$set": {"status": "suspended"}})

    pages: list[Document] = []
    after = None
    while not pages or pages[-1]["pageInfo"]["hasNextPage"]:
        pages.append((await company.ask(LIST, {"first": 2, "after": after}))["verifications"])
        after = pages[-1]["pageInfo"]["endCursor"]

    assert [[edge["node"]["id"] for edge in page["edges"]] for page in pages] == [[], [ids[3]], [ids[5]]]
    assert {page["totalCount"] for page in pages} == {6}


async def test_an_unreadable_attempt_is_left_out_of_attempts_and_null_as_next_attempt(company: Company) -> None:
    first, second = retried(a_final_verification(workspace=company.workspace))
    company.collection.insert_many([encode(first), encode(second) | {"status": "suspended"}])

    answer = await company.answer("query($id: ID!) { verification(id: $id) { attempts { id } nextAttempt { id } } }", {"id": first.id})

    assert answer["data"] == {"verification": {"attempts": [{"id": first.id}], "nextAttempt": None}}
    assert [(error["path"], error["extensions"]) for error in errors_of(answer)] == [(["verification", "nextAttempt"], {"code": "BAD_DOCUMENT"})]
    assert (await company.retry(first.id))["code"] == "CONFLICT"


async def test_following_a_chain_continues_after_an_unreadable_version(company: Company) -> None:
    id = await company.created()
    query = "subscription($id: ID!) { verificationUpdated(id: $id, followRetries: true) { verification { id version } events { version type } } }"

    async with following(company.gateway, company.token(), query, {"id": id}) as updates:
        assert (await updates.next())["verification"] == {"id": id, "version": 1}
        event = {"version": 2, "type": "capture_paused", "actor": "robot", "at": datetime.now(UTC)}
        company.collection.update_one({"_id": id}, {"$set": {"version": 2}, "$push": {"events": event}})
        assert await updates.next() == {"verification": {"id": id, "version": 2}, "events": []}
        standing = read_back(company, id)
        company.collection.update_one({"_id": id}, {"$set": {"status": "suspended", "version": 3}})
        company.collection.replace_one({"_id": id}, standing)
        await company.progress(id, CAPTURE_STARTED)
        assert await updates.next() == {"verification": {"id": id, "version": 3}, "events": [{"version": 3, "type": "CAPTURE_STARTED"}]}


async def test_a_follower_does_not_learn_of_unreadable_documents_in_other_chains(company: Company) -> None:
    mine, other = await company.created(), await company.created()
    token = await company.follow_token(mine)
    company.collection.update_many({}, {"$set": {"status": "suspended"}})

    answers = [await company.answer("query($id: ID!) { verification(id: $id) { id } }", {"id": id}, token) for id in (mine, other, "ver_0")]

    assert ["errors" in answer for answer in answers] == [True, False, False]


async def test_a_replay_finds_a_verification_with_unknown_fields(company: Company) -> None:
    id = await company.created(idempotencyKey="key-1")
    company.collection.update_one({"_id": id}, {"$set": {"idempotency.scope": "chain", "schema": 7, "events.0.channel": "sms"}})

    replay = await company.create(idempotencyKey="key-1")
    await company.progress(id, CAPTURE_STARTED)

    document = read_back(company, id)
    assert replay["id"] == id
    assert (document["idempotency"]["scope"], document["schema"], document["events"][0]["channel"]) == ("chain", 7, "sms")


async def test_an_unreadable_value_is_logged_once(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    id = await company.created()
    company.collection.update_one({"_id": id}, {"$set": {"reference": 7}})

    with caplog.at_level(logging.INFO):
        answers = [await company.answer("query($id: ID!) { verification(id: $id) { reference } }", {"id": id}) for _ in range(3)]

    assert all(answer == answers[0] for answer in answers)
    assert caplog.messages.count(f"reference of verification {id} can't be read") == 1
