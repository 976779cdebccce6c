"""What `gateway check` reports about MongoDB, with a MongoDB that requires users and passwords, and with one that requires none."""

import asyncio

import pytest

from domain.request import Idempotency
from gateway.commands.findings import Finding, Problem
from gateway.commands.mongo_findings import mongo_findings
from store import indexes
from store.driver import close_client, connect, database
from tests.authenticated import AuthenticatedMongo, role
from tests.factories import a_verification
from tests.processes.forwarder import forwarding
from tests.serving import serving, settings_for_tests
from tests.storing import encode

UNREACHABLE = "mongodb://127.0.0.1:1/gateway"
ACTIONS = role()["privileges"][0]["actions"]
READ_ONLY = ["changeStream", "find", "listCollections", "listIndexes"]


async def found(uri: str, **changed: object) -> list[Finding]:
    """What `gateway check` finds out about the MongoDB with this URI."""
    return await mongo_findings(settings_for_tests(uri, 0, **changed))


async def test_the_role_of_the_document_suffices(authenticated: AuthenticatedMongo) -> None:
    findings = await found(authenticated.uri())

    assert not any(finding.problem for finding in findings)
    assert Finding("privileges: complete") in findings
    assert "replica set with 1 member" in findings[0].text


async def test_a_gateway_serves_with_the_role_of_the_document(authenticated: AuthenticatedMongo) -> None:
    async with serving(authenticated.uri()) as gateway:
        assert (await gateway.client.get("/readyz")).json() == {"ready": True, "troubles": [], "warnings": []}
        person = {"firstName": "Ada", "lastName": "Lovelace", "redirectionUrl": "https://example.com"}
        create = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id } } }"
        id = (await gateway.query(create, {"input": person}))["createVerification"]["id"]
        close = "mutation($id: ID!) { closeVerification(input: { verificationId: $id }) { ... on Verification { status } } }"
        retry = "mutation($id: ID!) { retryVerification(input: { verificationId: $id }) { ... on Verification { attempt } } }"
        assert (await gateway.query(close, {"id": id}))["closeVerification"] == {"status": "INCONCLUSIVE"}
        assert (await gateway.query(retry, {"id": id}))["retryVerification"] == {"attempt": 2}
        assert (await gateway.query("{ verifications(first: 2) { totalCount } }"))["verifications"]["totalCount"] >= 2


@pytest.mark.parametrize("missing", ACTIONS)
async def test_each_missing_privilege_is_one_line(authenticated: AuthenticatedMongo, missing: str) -> None:
    findings = await found(authenticated.user_with([action for action in ACTIONS if action != missing]))

    [problem] = [finding for finding in findings if finding.problem]
    assert problem.problem is Problem.MONGO_PRIVILEGES
    assert problem.text.startswith(f"privileges: the user may not {missing} on ")


async def test_a_user_who_may_only_read_is_a_problem(authenticated: AuthenticatedMongo) -> None:
    findings = await found(authenticated.user_with(READ_ONLY))

    assert [finding.problem for finding in findings if finding.problem] == [Problem.MONGO_PRIVILEGES]
    assert all(f"{action} on " in findings[-1].text for action in ("createIndex", "insert", "remove", "update"))


async def test_a_wrong_password_is_one_line_without_the_password(authenticated: AuthenticatedMongo) -> None:
    [finding] = await found(authenticated.uri(password="canary"))

    assert finding.problem is Problem.MONGO_LOGIN
    assert finding.text.startswith("MongoDB: it refuses the user name or the password")
    assert "canary" not in finding.text


async def test_an_address_without_a_user_is_a_problem_where_users_are_required(authenticated: AuthenticatedMongo) -> None:
    findings = await found(f"mongodb://127.0.0.1:{authenticated.port}/gateway")

    assert [finding.problem for finding in findings if finding.problem] == [Problem.MONGO_PRIVILEGES]


async def test_a_mongodb_without_users_is_a_warning(database_uri: str) -> None:
    findings = await found(database_uri)

    assert not any(finding.problem for finding in findings)
    assert any(finding.text.startswith("privileges: WARNING: the address has no user") for finding in findings)


async def test_an_address_that_cannot_be_read_is_one_line() -> None:
    [finding] = await found("mongodb://user:canary/secret@127.0.0.1/x")

    assert finding.problem is Problem.MONGO_ADDRESS
    assert "canary" not in finding.text


async def test_an_unreachable_mongodb_is_one_line() -> None:
    assert [(finding.problem, finding.text.partition(":")[0]) for finding in await found(UNREACHABLE, database_seconds=0.2)] == [
        (Problem.MONGO_UNREACHABLE, "MongoDB")
    ]


async def test_a_write_without_a_majority_is_a_problem(database_uri: str) -> None:
    async with forwarding(database_uri, marker=b"writeConcern") as forwarder:
        await forwarder.open()
        findings = await found(forwarder.uri, database_seconds=1)

    assert Problem.MONGO_WRITE in [finding.problem for finding in findings]


async def test_missing_indexes_are_named_and_are_not_a_failure(database_uri: str) -> None:
    findings = await found(database_uri)

    assert any("will be created when the gateway starts" in finding.text for finding in findings)


async def test_duplicates_that_prevent_a_unique_index_fail_and_are_named(database_uri: str) -> None:
    client = connect(database_uri, 10)
    same = [a_verification(idempotency=Idempotency("key-1", None)) for _ in range(2)]
    await database(client)[indexes.VERIFICATIONS].insert_many([encode(verification) for verification in same])
    close_client(client)

    [problem] = [finding for finding in await found(database_uri) if finding.problem]

    assert problem.problem is Problem.INDEXES
    assert all(verification.id in problem.text for verification in same)
    assert "key-1" not in problem.text


async def addresses(uri: str, **changed: str) -> list[str]:
    """The texts of what `gateway check` finds out about the addresses of clients. Asserts that nothing is a problem."""
    findings = await found(uri, **changed)
    assert not any(finding.problem for finding in findings)
    return [finding.text for finding in findings if finding.text.startswith("addresses")]


async def test_an_https_url_without_a_trusted_proxy_is_a_warning(database_uri: str) -> None:
    [warning] = await addresses(database_uri, public_url="https://gateway.example")

    assert "GATEWAY_PUBLIC_URL is https" in warning
    assert "GATEWAY_TRUSTED_PROXIES" in warning
    assert await addresses(database_uri, public_url="https://gateway.example", trusted_proxies="10.0.0.0/8") == []
    assert await addresses(database_uri) == []


async def test_a_running_process_that_sees_only_private_addresses_is_a_warning(database_uri: str) -> None:
    async with serving(database_uri) as gateway:
        await gateway.query("{ me { subject } }")
        async with asyncio.timeout(30):
            while not (texts := await addresses(database_uri)):
                await asyncio.sleep(0.1)
        trusted = await addresses(database_uri, trusted_proxies="10.0.0.0/8")

    assert [text.partition(" process")[0] for text in texts] == ["addresses: WARNING: 1 running"]
    assert trusted == []
