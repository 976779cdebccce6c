"""Which operations the audit log records, and what it says about them. The gateway and MongoDB are real."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from graphql import parse
from pymongo import MongoClient

from domain.caller import Scope
from gateway.operations.audited import audited_selection
from gateway.operations.selections import fragments_of, operations_of
from schema.build import build, executable
from store.indexes import VERIFICATIONS
from tests.company import Company
from tests.serving import serving
from tests.wire import GENEROUS_SECONDS, following

SCHEMA = executable(build())
PERSONAL = "query($id: ID!) { verification(id: $id) { declaredIdentity { firstName } } }"
PUBLIC = "query($id: ID!) { verification(id: $id) { status phase } }"


@pytest.fixture
def audit_file(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


@pytest.fixture
async def office(database_uri: str, database_name: str, audit_file: Path, mongo: MongoClient[dict[str, Any]]) -> AsyncIterator[Company]:
    """A company at a gateway with an audit log. Its own operations select reasons, so they are recorded too."""
    async with serving(database_uri, audit_log=str(audit_file)) as running:
        yield Company(running, mongo[database_name][VERIFICATIONS])


def recorded(file: Path) -> list[dict[str, Any]]:
    """The lines of the audit log, parsed from JSON."""
    return [orjson.loads(line) for line in file.read_text().splitlines()]


def selection(document: str) -> tuple[tuple[str, ...], set[str]] | None:
    """What the audit log records of an operation: its fields, and the fields at which ids are recorded. None if it does not record the operation."""
    parsed = parse(document)
    found = audited_selection(SCHEMA, operations_of(parsed)[0], fragments_of(parsed))
    return (found.fields, set(found.recording)) if found else None


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ me { subject } verifications { edges { node { id status phase } } } }", None),
        ("{ reasonCodes { code } }", None),
        ("{ verifications { edges { node { reasons { code } } } } }", (("Verification.reasons",), {"Verification.reasons"})),
        (
            '{ node(id: "x") { ... on Verification { ...Mine } } } fragment Mine on Verification { n: declaredIdentity { lastName } }',
            (("Verification.declaredIdentity",), {"Verification.declaredIdentity"}),
        ),
        ('{ verification(id: "x") { events { note } } }', (("VerificationEvent.note",), {"Verification.events"})),
        (
            'subscription { verificationUpdated(id: "x") { events { reasons { code } } verification { status } } }',
            (("VerificationEvent.reasons",), {"VerificationUpdate.events"}),
        ),
        ("{ verificationStats { byReason { count } } }", (("VerificationStats.byReason",), set())),
    ],
)
def test_an_operation_is_examined_for_fields_that_only_some_may_see(document: str, expected: object) -> None:
    assert selection(document) == expected


async def test_a_read_of_personal_data_is_recorded_with_the_caller_and_the_verifications(office: Company, audit_file: Path) -> None:
    id, other = await office.created(), await office.created()
    earlier = len(recorded(audit_file))

    await office.gateway.post(PUBLIC, {"id": id}, office.token())
    response = await office.gateway.post(PERSONAL, {"id": id}, office.token())
    await office.gateway.post("{ verifications { edges { node { extractedDocument { fullName } events { actor } } } } }", None, office.token())

    one, page = recorded(audit_file)[earlier:]
    assert one["act"] == "read"
    assert (one["workspace"], one["verifications"], one["fields"]) == (office.workspace, [id], ["Verification.declaredIdentity"])
    assert one["request_id"] == response.headers["x-request-id"]
    assert one["subject"]
    assert one["timestamp"].endswith("Z")
    assert page["verifications"] == sorted([id, other])
    assert page["fields"] == ["Verification.extractedDocument", "VerificationEvent.actor"]
    assert "Jeanne" not in repr(recorded(audit_file))


async def test_a_caller_who_may_not_see_personal_data_is_not_recorded(office: Company, audit_file: Path) -> None:
    id = await office.created()
    earlier = len(recorded(audit_file))

    answer = await office.answer(PERSONAL, {"id": id}, office.token(Scope.READ))

    assert answer["data"]["verification"]["declaredIdentity"] is None
    assert len(recorded(audit_file)) == earlier


async def test_closing_anonymizing_and_issuing_a_follow_token_are_recorded_if_they_succeed(office: Company, audit_file: Path) -> None:
    id = await office.created()
    earlier = len(recorded(audit_file))
    close = "mutation($id: ID!) { closeVerification(input: { verificationId: $id }) { __typename } }"
    follow = "mutation($id: ID!) { issueFollowToken(verificationId: $id) { __typename } }"
    anonymize = "mutation($id: ID!) { anonymizeVerification(id: $id, wholeChain: true) { __typename } }"

    for mutation in (anonymize, follow, close, anonymize):
        await office.answer(mutation, {"id": id})
    await office.answer(close, {"id": "ver_unknown"})

    assert [(line["act"], line["verifications"]) for line in recorded(audit_file)[earlier:]] == [
        ("follow token issued", [id]),
        ("closed", [id]),
        ("anonymized", [id]),
    ]


async def test_each_message_of_a_subscription_that_shows_internal_reasons_is_recorded(office: Company, audit_file: Path) -> None:
    id = await office.created()
    earlier = len(recorded(audit_file))
    subscription = f'subscription {{ verificationUpdated(id: "{id}") {{ verification {{ version reasons {{ code }} }} }} }}'

    async with following(office.gateway, office.token(), subscription) as updates:
        await updates.next()
        await office.result(id, "FAILED", "IDVV_2301")
        await updates.next()
    async with asyncio.timeout(GENEROUS_SECONDS):
        while len(recorded(audit_file)) < earlier + 2:
            await asyncio.sleep(0.01)

    assert [(line["act"], line["verifications"], line["fields"]) for line in recorded(audit_file)[earlier:]] == [
        ("read", [id], ["Verification.reasons"])
    ] * 2
