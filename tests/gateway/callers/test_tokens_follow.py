"""Follow tokens: what the browser of the person who is being verified can see and do with them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from domain.caller import Scope
from domain.status import Status
from gateway.callers.tokens import LEEWAY_SECONDS
from schema.build import build, executable
from store.verifications import utc_now
from tests.clock import Clock
from tests.company import CAPTURE_STARTED, LINK_OPENED, PERSON, Company
from tests.gateway.callers.test_tokens import OPERATIONS, messages_of, variables, without
from tests.serving import KEYS, serving
from tests.wire import following, wired

VERIFICATION = executable(build()).type_map["Verification"]
assert isinstance(VERIFICATION, GraphQLObjectType)
PLAIN = " ".join(name for name, field in VERIFICATION.fields.items() if is_leaf_type(get_named_type(field.type)))
EVENTS = "events { version type actor at fromStatus toStatus reasons { code } note }"
WHOLE = f"{PLAIN} reasons {{ code }} {EVENTS} declaredIdentity {{ firstName lastName }} extractedDocument {{ fullName }}"
READ = f"query($id: ID!) {{ verification(id: $id) {{ {WHOLE} }} }}"
UPDATED = f"""
subscription($id: ID!, $after: Int, $retries: Boolean! = false) {{
  verificationUpdated(id: $id, after: $after, followRetries: $retries) {{
    verification {{ id version {EVENTS} reasons {{ code }} reference }}
    {EVENTS}
  }}
}}
"""
CREATE_LINKED = """
mutation {
  createVerification(input: { firstName: "Jeanne", lastName: "Moreau", redirectionUrl: "https://shop.example" }) {
    ... on Verification { id verificationUrl }
  }
}
"""
ISSUE = "mutation($id: ID!) { issueFollowToken(verificationId: $id) { ... on FollowToken { token } } }"
DOCUMENT = {"fullName": "Jeanne Moreau"}


def codes(reasons: list[dict[str, str]]) -> list[str]:
    return [reason["code"] for reason in reasons]


async def seen(company: Company, id: str, token: str) -> dict[str, Any]:
    """Read a verification with a token that may not see personal data. Checks that the personal data are refused, and returns the other fields."""
    answer = await company.answer(READ, {"id": id}, token)
    assert [error["extensions"] for error in answer["errors"]] == [{"code": "FORBIDDEN"}]
    verification: dict[str, Any] = answer["data"]["verification"]
    return verification


async def test_a_follow_token_has_its_expiry_subject_and_scope(company: Company) -> None:
    id = await company.created()

    issued = await company.issue(id, 600)
    caller = (await company.ask("{ me { subject workspaceId scopes expiresAt } }", token=issued["token"]))["me"]

    assert timedelta(seconds=580) < datetime.fromisoformat(issued["expiresAt"]) - datetime.now(UTC) <= timedelta(seconds=600)
    assert caller == {
        "subject": f"follower of {id}",
        "workspaceId": company.workspace,
        "scopes": ["verification:follow"],
        "expiresAt": issued["expiresAt"],
    }


async def test_the_person_sees_the_verification_without_its_personal_data_and_reference(company: Company) -> None:
    id = await company.created(reference="order-1", faceRecognition=True)
    await company.progress(id, LINK_OPENED)
    token = await company.follow_token(id)

    integrators = (await company.ask(READ, {"id": id}))["verification"]
    shown = await seen(company, id, token)

    hidden = {"reference": None, "declaredIdentity": None, "extractedDocument": None}
    assert shown == {**integrators, **hidden}
    assert shown["verificationUrl"]
    assert shown["linkExpiresAt"]
    assert shown["redirectionUrl"] == PERSON["redirectionUrl"]
    assert integrators["reference"] == "order-1"


async def test_the_person_sees_no_internal_reasons_anywhere(company: Company) -> None:
    first = await company.created()
    await company.result(first, "FAILED", "IDVV_2403", "IDVV_2101", "NEW_CODE", extractedDocument=DOCUMENT)
    second = (await company.retry(first))["id"]
    await company.result(second, "FAILED", "IDVV_2301")
    token = await company.follow_token(second)
    around = f"attempts {{ {WHOLE} previousAttempt {{ {WHOLE} }} nextAttempt {{ {WHOLE} }} }}"
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Verification {{ {around} }} }} }}"

    answer = await company.answer(query, {"id": second}, token)
    async with following(company.gateway, token, UPDATED, {"id": first, "after": 0, "retries": True}) as updates:
        received = [await updates.next(), await updates.next()]

    attempts = answer["data"]["node"]["attempts"]
    assert [codes(attempt["reasons"]) for attempt in attempts] == [["IDVV_2101"], []]
    assert [codes(attempt["events"][1]["reasons"]) for attempt in attempts] == [["IDVV_2101"], []]
    assert [attempt["status"] for attempt in attempts] == ["FAILED", "FAILED"]
    for secret in ("IDVV_2403", "IDVV_2301", "NEW_CODE", "Jeanne"):
        assert secret not in repr((answer, received))
    assert len(answer["errors"]) == 1


async def test_the_person_does_not_see_the_content_of_ignored_results(company: Company) -> None:
    id = await company.created()
    await company.result(id, "INCONCLUSIVE", "IDVV_1314")
    await company.result(id, "FAILED", "IDVV_2101")
    await company.result(id, "VERIFIED")
    token = await company.follow_token(id)

    shown = await seen(company, id, token)
    async with following(company.gateway, token, UPDATED, {"id": id, "after": 2}) as updates:
        [update] = await updates.rest()

    assert codes(shown["reasons"]) == ["IDVV_1314"]
    assert codes(shown["events"][1]["reasons"]) == ["IDVV_1314"]
    for events in (shown["events"][2:], update["events"], update["verification"]["events"][2:]):
        assert [(event["version"], event["type"], event["actor"]) for event in events] == [
            (3, "RESULT_IGNORED", "PROVIDER"),
            (4, "RESULT_IGNORED", "PROVIDER"),
        ]
        assert all((event["fromStatus"], event["toStatus"], event["reasons"], event["note"]) == (None, None, [], None) for event in events)


FOLLOWED_OUTCOME = "status billable events { type actor toStatus }"


@pytest.mark.parametrize("tail", ["", '__type(name: "Caller") { name }'], ids=["compiled", "graphql-core"])
async def test_the_person_sees_the_same_whatever_result_was_ignored(company: Company, tail: str) -> None:
    query = f"query($id: ID!) {{ verification(id: $id) {{ {FOLLOWED_OUTCOME} attempts {{ {FOLLOWED_OUTCOME} }} }} {tail} }}"
    live = f"subscription($id: ID!) {{ verificationUpdated(id: $id, after: 0) {{ verification {{ {FOLLOWED_OUTCOME} }} events {{ actor }} }} }}"
    ignored: list[tuple[str, ...]] = [("VERIFIED",), ("FAILED", "IDVV_2301"), ("INCONCLUSIVE", "IDVV_1111"), ("INCONCLUSIVE", "IDVV_1201")]
    seen, company_sees = [], set()
    for status, *codes in ignored:
        for end in (company.close, lambda id: company.result(id, "INCONCLUSIVE", "IDVV_1314")):
            id = await company.created()
            await end(id)
            await company.result(id, status, *codes)
            token = await company.follow_token(id)
            async with following(company.gateway, token, live, {"id": id}) as updates:
                seen.append(((await company.answer(query, {"id": id}, token))["data"], await updates.response()))
            company_sees.add(repr((await company.answer(query, {"id": id}))["data"]["verification"]))

    assert seen == seen[:2] * len(ignored)
    assert [answer["verification"]["billable"] for answer, _ in seen[:2]] == [False, False]
    # Check the test itself: the verifications do differ, and the company sees a different response for each of them.
    assert len(company_sees) == 2 * len(ignored)


async def test_the_person_follows_changes_across_retries_to_the_end(company: Company) -> None:
    first = await company.created(reference="order-1")
    token = await company.follow_token(first)

    async with following(company.gateway, token, UPDATED, {"id": first, "after": 0, "retries": True}) as updates:
        received = [await updates.next()]
        await company.progress(first, CAPTURE_STARTED)
        received.append(await updates.next())
        await company.result(first, "FAILED", "IDVV_2101", "IDVV_2301")
        received.append(await updates.next())
        second = (await company.retry(first))["id"]
        received += [await updates.next(), await updates.next()]
        await company.result(second, "VERIFIED")
        received += await updates.rest()

    assert {(update["verification"]["id"], update["verification"]["version"]) for update in received} == {
        *((first, version) for version in (1, 2, 3, 4)),
        (second, 1),
        (second, 2),
    }
    assert "IDVV_2301" not in repr(received)
    assert "order-1" not in repr(received)
    assert (await company.ask("query($id: ID!) { verification(id: $id) { status } }", {"id": second}, token))["verification"]["status"] == "VERIFIED"


async def test_a_follow_token_of_any_attempt_shows_all_attempts_of_the_chain(company: Company) -> None:
    first = await company.created()
    await company.result(first, "INCONCLUSIVE", "IDVV_1314")
    second = (await company.retry(first))["id"]
    query = "query($id: ID!) { verification(id: $id) { previousAttempt { id } nextAttempt { id } attempts { id } } }"

    for token in (await company.follow_token(first), await company.follow_token(second)):
        found = [(await company.ask(query, {"id": id}, token))["verification"] for id in (first, second)]

        assert found == [
            {"previousAttempt": None, "nextAttempt": {"id": second}, "attempts": [{"id": first}, {"id": second}]},
            {"previousAttempt": {"id": first}, "nextAttempt": None, "attempts": [{"id": first}, {"id": second}]},
        ]


@pytest.mark.parametrize("name", ["node", "verification", "verificationUpdated"])
async def test_a_verification_outside_the_chain_looks_like_one_that_does_not_exist(company: Company, stranger: Company, name: str) -> None:
    own, other, foreign, absent = await company.created(), await company.created(), await stranger.created(), "ver_" + "1" * 32
    token, query = await company.follow_token(own), OPERATIONS[name]

    answers = set()
    for id in (other, foreign, absent):
        if query.startswith("subscription"):
            for operation_variables in ({"id": id}, {"id": id, "after": 100}):
                async with wired(company.gateway, token) as wire:
                    await wire.subscribe("1", query, operation_variables)
                    answers.add(without(id, await messages_of(wire)))
        else:
            answers.add(without(id, await company.answer(query, {"id": id}, token)))

    assert len(answers) == 1, answers


async def test_a_follower_may_not_list_count_change_or_watch_verifications(company: Company) -> None:
    id = await company.created()
    token, before = await company.follow_token(id), company.kept()
    served = {"node", "verification", "verificationUpdated", "statuses", "reasonCodes", "reasonCode", "me"}

    for name, query in OPERATIONS.items():
        operation_variables = variables(query, id=id, input=PERSON)
        async with wired(company.gateway, token) as wire:
            await wire.subscribe("1", query, operation_variables)
            message = await wire.hear()
        payload = message["payload"]
        errors = payload if message["type"] == "error" else payload.get("errors", [])

        assert [error["extensions"] for error in errors] == ([] if name in served else [{"code": "FORBIDDEN"}]), name

    assert company.kept() == before


async def test_a_follower_may_not_issue_another_token(company: Company) -> None:
    id = await company.created()

    answer = await company.answer(OPERATIONS["issueFollowToken"], {"id": id}, await company.follow_token(id))

    assert (answer["data"], [error["extensions"] for error in answer["errors"]]) == (None, [{"code": "FORBIDDEN"}])


async def test_only_callers_who_may_write_can_issue_follow_tokens(company: Company) -> None:
    id = await company.created()

    answer = await company.answer(OPERATIONS["issueFollowToken"], {"id": id}, company.token(Scope.READ, Scope.REPORT, Scope.SENSITIVE))

    assert [error["extensions"] for error in answer["errors"]] == [{"code": "FORBIDDEN"}]


async def test_a_follow_token_expires_at_its_expiry(database_uri: str) -> None:
    clock = Clock(utc_now())
    async with serving(database_uri, now=clock) as gateway:
        created = await gateway.query(
            "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id } } }", {"input": PERSON}
        )
        id = created["createVerification"]["id"]
        issue = "mutation($id: ID!) { issueFollowToken(verificationId: $id, ttlSeconds: 60) { ... on FollowToken { token expiresAt } } }"
        issued = (await gateway.query(issue, {"id": id}))["issueFollowToken"]
        ends = datetime.fromisoformat(issued["expiresAt"])

        statuses = []
        for clock.now in (ends - timedelta(milliseconds=1), ends):
            statuses.append((await gateway.post(OPERATIONS["verification"], {"id": id}, issued["token"])).status_code)
        async with wired(gateway) as wire:
            await wire.send({"type": "connection_init", "payload": {"authorization": f"Bearer {issued['token']}"}})
            closed = await wire.closed()

    assert ends - timedelta(seconds=60) <= clock.now
    assert (statuses, closed) == ([200, 401], 4403)


async def test_a_follow_token_holds_at_once_at_a_gateway_whose_clock_is_behind(database_uri: str) -> None:
    clock = Clock(utc_now())
    behind = Clock(clock.now)
    async with serving(database_uri, now=clock) as issuer, serving(database_uri, now=behind) as other:
        id = (await issuer.query(CREATE_LINKED))["createVerification"]["id"]

        statuses = {}
        for seconds in (1, LEEWAY_SECONDS - 1, LEEWAY_SECONDS + 2):
            clock.now += timedelta(seconds=1)
            behind.now = clock.now - timedelta(seconds=seconds)
            # Issue a new token for each case, because a gateway that has accepted a token does not verify this token again.
            token = (await issuer.query(ISSUE, {"id": id}))["issueFollowToken"]["token"]
            statuses[seconds] = (await other.post(OPERATIONS["verification"], {"id": id}, token)).status_code

    assert statuses == {1: 200, LEEWAY_SECONDS - 1: 200, LEEWAY_SECONDS + 2: 401}


async def test_the_person_sees_the_same_status_and_dates_as_the_company(company: Company) -> None:
    for status in Status:
        id = await company.created()
        if status.final:
            await company.result(id, status.name, *([] if status is Status.VERIFIED else ["IDVV_1201"]))

        shown = await seen(company, id, await company.follow_token(id))

        whole = (await company.ask(READ, {"id": id}))["verification"]
        same = ("status", "phase", "recommendedAction", "canRetry", "billable", "reasons", "version", "expiresAt", "completedAt", "verificationUrl")
        assert {name: shown[name] for name in same} == {name: whole[name] for name in same}


async def test_follow_tokens_and_links_stay_valid_while_the_previous_signing_key_is_set(database_uri: str) -> None:
    new = "another-signing-key-0123456789-abcdefghijkl"
    async with serving(database_uri) as before:
        created = (await before.query(CREATE_LINKED))["createVerification"]
        token = (await before.query(ISSUE, {"id": created["id"]}))["issueFollowToken"]["token"]
    link = urlsplit(created["verificationUrl"]).path
    statuses = {}
    for what, previous in {"kept": KEYS["signing_key"], "dropped": None}.items():
        async with serving(database_uri, signing_key=new, previous_signing_key=previous) as after:
            answer = await after.post("query($id: ID!) { verification(id: $id) { id } }", {"id": created["id"]}, token)
            statuses[what] = answer.status_code, (await after.client.get(link)).status_code
            newer = (await after.query(ISSUE, {"id": created["id"]}))["issueFollowToken"]["token"]
            assert (await after.post("{ me { scopes } }", token=newer)).is_success

    assert statuses == {"kept": (200, 200), "dropped": (401, 404)}
