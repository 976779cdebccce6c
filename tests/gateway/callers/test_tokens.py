"""Which tokens are accepted and which are refused, and that companies see nothing of each other."""

import base64
import hmac
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import orjson
import pytest
from graphql import GraphQLInputObjectType, get_named_type
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from domain.caller import Scope
from gateway.callers.tokens import Tokens, Trust, own_id
from schema.build import build, executable
from store.verifications import utc_now
from tests.company import PERSON, Company
from tests.serving import KEYS, serving
from tests.wire import Wire, following, wired

SCHEMA = executable(build())
OPERATIONS = {
    "node": "query($id: ID!) { node(id: $id) { __typename id } }",
    "verification": "query($id: ID!) { verification(id: $id) { id status attempts { id } events { version } } }",
    "verifications": "query { verifications { totalCount edges { cursor node { id status } } } }",
    "verificationStats": "query { verificationStats { total } }",
    "statuses": "query { statuses { status } }",
    "reasonCodes": "query { reasonCodes { code } }",
    "reasonCode": 'query { reasonCode(code: "IDVV_1101") { code } }',
    "me": "query { me { workspaceId scopes } }",
    "unmatchedWebhooks": "query { unmatchedWebhooks { id } }",
    "webhookDeliveries": "query($id: ID!) { webhookDeliveries(verificationId: $id) { verification { id } } }",
    "createVerification": "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { __typename } }",
    "retryVerification": """
        mutation($id: ID!) { retryVerification(input: { verificationId: $id }) { ... on Verification { id } ... on Refusal { code message field } } }
    """,
    "reportProgress": """
        mutation($id: ID!) {
          reportProgress(input: { verificationId: $id, progress: LINK_OPENED }) { ... on Verification { id } ... on Refusal { code message field } }
        }
    """,
    "reportResult": """
        mutation($id: ID!) {
          reportResult(input: { verificationId: $id, status: VERIFIED }) { ... on Verification { id } ... on Refusal { code message field } }
        }
    """,
    "closeVerification": """
        mutation($id: ID!) {
          closeVerification(input: { verificationId: $id }) { ... on Verification { id } ... on Refusal { code message field } }
        }
    """,
    "anonymizeVerification": """
        mutation($id: ID!) { anonymizeVerification(id: $id) { ... on Verification { id } ... on Refusal { code message field } } }
    """,
    "issueFollowToken": """
        mutation($id: ID!) { issueFollowToken(verificationId: $id) { ... on FollowToken { token } ... on Refusal { code message field } } }
    """,
    "resendWebhooks": """
        mutation($id: ID!) { resendWebhooks(verificationId: $id) { ... on Verification { id } ... on Refusal { code message field } } }
    """,
    "verificationUpdated": "subscription($id: ID!, $after: Int) { verificationUpdated(id: $id, after: $after) { verification { id } } }",
    "verificationsUpdated": "subscription { verificationsUpdated { cursor verification { id } } }",
}
WITH_AN_ID = [name for name, query in OPERATIONS.items() if "$id: ID!" in query]


def variables(query: str, **values: Any) -> dict[str, Any]:
    """The variables to send with an operation: the values of `values` whose names the operation declares as variables."""
    return {name: value for name, value in values.items() if f"${name}:" in query}


def test_each_root_field_and_each_id_argument_is_tested_here() -> None:
    roots = [type for type in (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type) if type]
    taking = {
        name
        for root in roots
        for name, field in root.fields.items()
        for argument in field.args.values()
        if (type := get_named_type(argument.type)).name == "ID"
        or (isinstance(type, GraphQLInputObjectType) and any(get_named_type(part.type).name == "ID" for part in type.fields.values()))
    }

    assert {name for root in roots for name in root.fields} == OPERATIONS.keys()
    assert taking == set(WITH_AN_ID)


def urlsafe(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def part(content: object) -> str:
    return urlsafe(orjson.dumps(content))


def signed(claims: dict[str, Any], key: str = KEYS["token_key"], algorithm: str = "HS256", **header: Any) -> str:
    """A token with these claims, signed with this key. `header`: more fields of its header."""
    return jwt.encode({"alg": algorithm, **header}, claims, OctKey.import_key(key), [algorithm])


def by_hand(header: dict[str, object], claims: dict[str, Any], key: bytes = KEYS["token_key"].encode()) -> str:
    """A token that is signed without joserfc, because joserfc refuses to sign a header with an unknown name in `crit`."""
    content = f"{part(header)}.{part(claims)}"
    return f"{content}.{urlsafe(hmac.digest(key, content.encode(), 'sha256'))}"


def claims(workspace: object, **changed: Any) -> dict[str, Any]:
    """The claims of an integrator's token. `changed`: other values for claims; None removes a claim."""
    all_claims = {
        "sub": "x",
        "workspace": workspace,
        "scope": "verification:read verification:write",
        "exp": int(utc_now().timestamp()) + 60,
        **changed,
    }
    return {name: value for name, value in all_claims.items() if value is not None}


def bad_tokens(workspace: str) -> dict[str, str | None]:
    """Values of the Authorization header that must not be accepted, by the reason why. None: no header is sent."""
    good, past = signed(claims(workspace)), int(utc_now().timestamp()) - 1
    header, payload, signature = good.split(".")
    rsa = RSAKey.generate_key(2048)
    own = {"kty": "oct", "k": urlsafe(b"k" * 32)}
    tokens = {
        "no JWT": "x",
        "two dots": "..",
        "one that is expired": signed(claims(workspace, exp=past)),
        "one that expires now": signed(claims(workspace, exp=int(utc_now().timestamp()))),
        "one that never expires": signed(claims(workspace, exp=None)),
        "one whose end is no number": signed(claims(workspace, exp="tomorrow")),
        "one that ends beyond all dates": signed(claims(workspace, exp=10**20)),
        "one that is not valid yet": signed(claims(workspace, nbf=int(utc_now().timestamp()) + 60)),
        "one of another key": signed(claims(workspace), "another-key-0123456789-abcdefghijklm"),
        "one of the gateway's own key": signed(claims(workspace), KEYS["signing_key"]),
        "one of the key for fingerprints": signed(claims(workspace), KEYS["fingerprint_key"]),
        "one that claims to be a follow token": signed(claims(workspace, chain="ver_0"), kid=own_id(KEYS["signing_key"])),
        "a follow token without a chain": signed(claims(workspace), KEYS["signing_key"], kid=own_id(KEYS["signing_key"])),
        "one that contains its own key": signed(claims(workspace), "k" * 32, jwk=own),
        "one with the URL of its key": signed(claims(workspace), "k" * 32, jku="https://evil.example/jwks.json"),
        "one without a signature": f"{part({'alg': 'none'})}.{payload}.",
        "one without an algorithm": f"{part({})}.{payload}.{signature}",
        "one of an algorithm None": f"{part({'alg': 'None', 'typ': 'JWT'})}.{payload}.{signature}",
        "one of another algorithm of the same key": signed(claims(workspace), algorithm="HS512"),
        "one of a public key": jwt.encode({"alg": "RS256"}, claims(workspace), rsa, ["RS256"]),
        "one whose claims were changed": f"{header}.{part(claims('other'))}.{signature}",
        "one whose signature was cut": good[:-2],
        "one that is valid for too long": signed(claims(workspace, exp=int(utc_now().timestamp()) + 90_000)),
        "one that was issued tomorrow": signed(claims(workspace, iat=int(utc_now().timestamp()) + 86_400)),
        "one for another audience": signed(claims(workspace, aud="another-service")),
        "one without a subject": signed(claims(workspace, sub=None)),
        "one of a subject that is too long": signed(claims(workspace, sub="x" * 256)),
        "one whose scope is a number": signed(claims(workspace, scope=7)),
        "one with an unknown critical header": by_hand({"alg": "HS256", "crit": ["strange"], "strange": 1}, claims(workspace)),
        "one without a workspace": signed(claims(None)),
        "one of an empty workspace": signed(claims("")),
        "one of a workspace that is a list": signed(claims([workspace])),
        "one of a workspace that is an operator": signed(claims({"$ne": ""})),
        "one of a workspace that is a path": signed(claims("../other")),
        "one that is very long": good + "x" * 20_000,
    }
    return {
        "no header": None,
        "an empty header": "",
        "another scheme": f"Basic {good}",
        "no scheme": good,
        "no token": "Bearer",
        **{what: f"Bearer {token}" for what, token in tokens.items()},
    }


async def test_without_a_valid_token_every_request_is_refused(company: Company) -> None:
    id = await company.created()
    before = company.kept()

    for what, authorization in bad_tokens(company.workspace).items():
        headers = {"authorization": authorization} if authorization is not None else {}
        response = await company.gateway.client.post("/graphql", json={"query": OPERATIONS["verification"], "variables": {"id": id}}, headers=headers)

        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer"), what
        assert [error["extensions"] for error in response.json()["errors"]] == [{"code": "UNAUTHENTICATED"}], what
        assert "data" not in response.json(), what

    assert company.kept() == before


@pytest.mark.parametrize("name", OPERATIONS)
async def test_no_operation_is_executed_without_a_token(company: Company, name: str) -> None:
    query = OPERATIONS[name]
    request = {"query": query, "variables": variables(query, id=await company.created(), input=PERSON)}
    before = company.kept()

    responses = [await company.gateway.client.post("/graphql", json=request, headers=headers) for headers in ({}, {"authorization": "Bearer x"})]

    assert [response.status_code for response in responses] == [401, 401]
    assert company.kept() == before


async def test_without_a_valid_token_every_socket_is_closed(company: Company) -> None:
    for what, authorization in bad_tokens(company.workspace).items():
        async with wired(company.gateway) as wire:
            await wire.send({"type": "connection_init", "payload": {"authorization": authorization}})

            assert await wire.closed() == 4403, what


async def test_a_token_identifies_its_subject_workspace_and_scopes(company: Company) -> None:
    token = company.token(Scope.READ, Scope.REPORT, ttl=timedelta(minutes=10))

    caller = (await company.ask("{ me { subject workspaceId scopes expiresAt } }", token=token))["me"]

    remaining = datetime.fromisoformat(caller.pop("expiresAt")) - datetime.now(UTC)
    assert caller == {"subject": "tester", "workspaceId": company.workspace, "scopes": ["verification:read", "verification:report"]}
    assert timedelta(minutes=9) < remaining <= timedelta(minutes=10)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
async def test_the_scheme_is_case_insensitive(company: Company, scheme: str) -> None:
    headers = {"authorization": f"{scheme} {company.token()}"}

    assert (await company.gateway.client.post("/graphql", json={"query": OPERATIONS["me"]}, headers=headers)).is_success


async def test_unknown_scopes_and_the_follow_scope_of_an_issuer_are_ignored(company: Company) -> None:
    scope = "admin verification:follow verification:READ * verification:sensitive"

    caller = (await company.ask(OPERATIONS["me"], token=signed(claims(company.workspace, scope=scope, chain="ver_0"))))["me"]

    assert caller["scopes"] == ["verification:sensitive"]


async def test_a_token_without_scopes_reads_only_the_catalogue_and_itself(company: Company) -> None:
    id = await company.created()
    token = signed(claims(company.workspace, scope=None))

    for name, query in OPERATIONS.items():
        if query.startswith("subscription"):
            continue
        answer = await company.answer(query, variables(query, id=id, input=PERSON), token)
        codes = [error["extensions"]["code"] for error in answer.get("errors", [])]

        assert codes == ([] if name in ("statuses", "reasonCodes", "reasonCode", "me") else ["FORBIDDEN"]), name


async def test_a_token_that_is_in_use_expires(company: Company) -> None:
    token = company.token(ttl=timedelta(seconds=1))
    assert (await company.gateway.post(OPERATIONS["me"], token=token)).is_success

    until, status = monotonic() + 30, 200
    while status == 200 and monotonic() < until:
        status = (await company.gateway.post(OPERATIONS["me"], token=token)).status_code

    assert status == 401


async def test_issuer_and_audience_are_required_if_they_are_set(database_uri: str) -> None:
    async with serving(database_uri, token_issuer="https://id.example", token_audience="gateway") as gateway:
        required = {"iss": "https://id.example", "aud": "gateway"}
        statuses = {}
        tried: dict[str, dict[str, object]] = {
            "both": {},
            "several audiences": {"aud": ["other", "gateway"]},
            "neither": {"iss": None, "aud": None},
            "another issuer": {"iss": "https://evil.example"},
            "another audience": {"aud": "other"},
            "no audience": {"aud": None},
        }
        for what, changed in tried.items():
            token = signed(claims("acme", **{**required, **changed}))
            statuses[what] = (await gateway.post(OPERATIONS["me"], token=token)).status_code

    assert statuses == {"both": 200, "several audiences": 200, "neither": 401, "another issuer": 401, "another audience": 401, "no audience": 401}


def without(id: str, answer: object) -> str:
    """A response as text, with `id` replaced by the text ID, so that responses about different ids can be compared."""
    return orjson.dumps(answer).decode().replace(id, "ID")


async def messages_of(wire: Wire) -> list[dict[str, Any]]:
    """Receive all messages of an operation, up to the message that ends it. Returns them."""
    messages = [await wire.hear()]
    while messages[-1]["type"] == "next":
        messages.append(await wire.hear())
    return messages


async def test_another_company_can_read_and_follow_nothing(company: Company, stranger: Company) -> None:
    own = await stranger.created(reference="order-1")
    query = "{ verifications { totalCount edges { node { id } } } verificationStats { total } }"
    feed_of_all = "subscription { verificationsUpdated { verification { id version } } }"

    async with following(stranger.gateway, stranger.token(), feed_of_all) as feed:
        await feed.next()
        other = await company.created(reference="order-1")
        await company.result(other, "FAILED", "IDVV_2101")
        await company.retry(other)
        await stranger.result(own, "VERIFIED")
        received = await feed.until(lambda item: item["verification"] == {"id": own, "version": 2})

    assert {item["verification"]["id"] for item in received} == {own}
    assert await stranger.ask(query) == {
        "verifications": {"totalCount": 1, "edges": [{"node": {"id": own}}]},
        "verificationStats": {"total": 1},
    }


async def test_a_cursor_of_another_company_reveals_none_of_its_verifications(company: Company, stranger: Company) -> None:
    await company.created()
    [edge] = (await company.ask(OPERATIONS["verifications"]))["verifications"]["edges"]
    own = await stranger.created()
    query = "query($after: String, $before: String) { verifications(after: $after, before: $before) { edges { node { id } } } }"

    around = [await stranger.ask(query, {place: edge["cursor"]}) for place in ("after", "before")]

    assert [page["verifications"]["edges"] for page in around] == [[], [{"node": {"id": own}}]]


async def test_a_token_of_another_gateway_is_refused(company: Company) -> None:
    other = Tokens(Trust("another-key-0123456789-abcdefghijklm"), ["yet-another-0123456789-abcdefghijklm"], utc_now)

    response = await company.gateway.post(OPERATIONS["me"], token=other.token("x", company.workspace, list(Scope), timedelta(hours=1)))

    assert response.status_code == 401
