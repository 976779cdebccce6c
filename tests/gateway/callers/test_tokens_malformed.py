"""Tokens that are signed correctly but malformed are refused as any other bad token: no exception, and nothing in the log."""

import hmac
import logging

import orjson
import pytest

from domain.caller import Scope
from gateway.callers.tokens import MAX_CLAIM_LEVELS, Tokens, Trust, Unauthenticated, own_id
from store.verifications import utc_now
from tests.company import Company
from tests.gateway.callers.test_tokens import OPERATIONS, urlsafe
from tests.serving import KEYS
from tests.wire import wired

DEEP = "[" * 1000 + "]" * 1000
END = str(int(utc_now().timestamp()) + 80_000)
HEADER = '{"alg": "HS256"}'
OWN_HEADER = f'{{"alg": "HS256", "kid": "{own_id(KEYS["signing_key"])}"}}'
VALID = {"sub": '"x"', "workspace": '"acme"', "scope": '"verification:read"', "exp": END}
FOLLOWER = {**VALID, "scope": '"verification:follow"', "chain": '"ver_1"'}
# NO_TEXT has values that are no text, and NO_NUMBER has values that are no number. Most are JSON; the others resemble JSON, but are invalid.
NO_TEXT = ["null", "true", "7", "1.5", "[]", "{}", '["x"]', '{"$ne": ""}', DEEP, r'"\ud800"', r'"ab\udc00"', "'x'", "NaN"]
NO_NUMBER = [
    "null",
    "true",
    "false",
    '""',
    f'"{END}"',
    '"NaN"',
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "1" + "0" * 5000,
    "[]",
    f"[{END}]",
    "{}",
    DEEP,
]
MALFORMED = {
    "exp": [*NO_NUMBER, "0", "-1", "1" + "0" * 20, "1" + "0" * 400, "1e300"],
    "iat": [*NO_NUMBER, "1e300"],
    "nbf": [*NO_NUMBER, "1e300"],
    "sub": [*NO_TEXT, '""', f'"{"x" * 256}"'],
    "workspace": [*NO_TEXT, '""', '"a b"', '"é"', r'"acme\u0000"', r'"acme\n"', '" acme"', '"../acme"'],
    "scope": [value for value in NO_TEXT if value not in ("[]", '["x"]')],
    "iss": NO_TEXT,
    "aud": ['"gateway"', '["gateway"]', '""', *NO_TEXT],
    "jti": NO_TEXT,
    "other": [DEEP, '{"a": ' * 1000 + "1" + "}" * 1000, "NaN", "1e400", r'"\ud800"', "1" + "0" * 5000],
}


def written(claims: dict[str, str]) -> str:
    """The JSON text of an object with these claims. The values in `claims` are JSON texts already."""
    return "{" + ", ".join(f'"{name}": {value}' for name, value in claims.items()) + "}"


def sealed(payload: str | bytes, header: str | bytes = HEADER, key: str = KEYS["token_key"]) -> str:
    """A token with exactly this header and payload, and a valid signature."""
    parts = [part.encode() if isinstance(part, str) else part for part in (header, payload)]
    content = ".".join(urlsafe(part) for part in parts)
    return f"{content}.{urlsafe(hmac.digest(key.encode(), content.encode(), 'sha256'))}"


def reader(audience: str | None = None) -> Tokens:
    return Tokens(Trust(KEYS["token_key"], audience=audience), [KEYS["signing_key"]], utc_now)


async def accepts(tokens: Tokens, token: str) -> bool:
    """Whether the token is accepted. Any other exception than Unauthenticated fails the test."""
    try:
        await tokens.caller(f"Bearer {token}")
    except Unauthenticated:
        return False
    return True


@pytest.mark.parametrize("claim", MALFORMED)
async def test_a_claim_of_a_wrong_type_is_refused(claim: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    tokens = reader()
    assert await accepts(tokens, sealed(written(VALID)))

    accepted = [value[:40] for value in MALFORMED[claim] if await accepts(tokens, sealed(written({**VALID, claim: value})))]

    assert (accepted, [record for record in caplog.records if record.levelno > logging.INFO]) == ([], [])


@pytest.mark.parametrize("claim", ["exp", "sub", "workspace", "chain"])
async def test_a_follow_token_with_a_claim_of_a_wrong_type_is_refused(claim: str) -> None:
    tokens = reader()
    values = NO_TEXT if claim == "chain" else MALFORMED[claim]
    assert await accepts(tokens, sealed(written(FOLLOWER), OWN_HEADER, KEYS["signing_key"]))

    tried = {value[:40]: sealed(written({**FOLLOWER, claim: value}), OWN_HEADER, KEYS["signing_key"]) for value in values}

    assert [value for value, token in tried.items() if await accepts(tokens, token)] == []


@pytest.mark.parametrize("part", ["header", "payload"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"7",
        b"[]",
        b'"x"',
        b"NaN",
        b"\xff",
        b"\xef\xbb\xbf{}",
        '{"alg":"HS256"}'.encode("utf-16"),
        b"\0",
        DEEP.encode(),
        b"[" * 3000,
    ],
)
async def test_a_part_that_is_no_json_object_is_refused(part: str, content: bytes) -> None:
    token = sealed(written(VALID), content) if part == "header" else sealed(content)

    assert not await accepts(reader(), token)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
async def test_claims_in_another_encoding_than_utf_8_are_refused(encoding: str) -> None:
    assert not await accepts(reader(), sealed(written(VALID).encode(encoding)))


@pytest.mark.parametrize(
    "header",
    [
        *(f'{{"alg": {alg}}}' for alg in ("null", "7", "[]", "{}", '["HS256"]', '"none"', '"HS384"', '"hs256"', '"RS256"', '"dir"', DEEP)),
        *(f'{{"alg": "HS256", "kid": {id}}}' for id in ("7", "[]", "{}", '["x"]', '{"$ne": ""}', DEEP)),
        *(f'{{"alg": "HS256", "crit": {names}}}' for names in ('["b64"]', '["exp"]', '"x"', "7", DEEP)),
        '{"alg": "HS256", "b64": false, "crit": ["b64"]}',
        '{"alg": "HS256", "typ": []}',
        '{"alg": "dir", "enc": "A128GCM"}',
    ],
)
async def test_an_odd_header_is_refused(header: str) -> None:
    assert not await accepts(reader(), sealed(written(VALID), header))


async def test_values_may_be_nested_up_to_the_limit() -> None:
    tokens = reader()
    # The object of the claims is the first level, each list is one more level, and the number 7 is the last level.
    lists = MAX_CLAIM_LEVELS - 2
    accepted = {"other": "[" * lists + "7" + "]" * lists}
    refused = {"other": "[" * (lists + 1) + "7" + "]" * (lists + 1)}

    assert await accepts(tokens, sealed(written({**VALID, **accepted})))
    assert not await accepts(tokens, sealed(written({**VALID, **refused})))


@pytest.mark.parametrize(
    ("audience", "accepted"),
    [
        ('"gateway"', True),
        ('["gateway"]', True),
        ('["other", "gateway"]', True),
        ('"other"', False),
        ('"gateway other"', False),
        ('["gateway", 7]', False),
        ('[["gateway"]]', False),
        ('{"gateway": 1}', False),
        ("[]", False),
        ('""', False),
        ("null", False),
        ("7", False),
    ],
)
async def test_an_audience_is_a_text_or_a_list_of_texts(audience: str, accepted: bool) -> None:
    assert await accepts(reader("gateway"), sealed(written({**VALID, "aud": audience}))) is accepted


READ_AND_WRITE = frozenset({Scope.READ, Scope.WRITE})


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("verification:read verification:write", READ_AND_WRITE),
        (" verification:read   verification:write ", READ_AND_WRITE),
        (["verification:read", "verification:write"], READ_AND_WRITE),
        (["verification:read", 7, None, ["verification:write"]], {Scope.READ}),
        # An item of a list is the name of one scope, and is not divided. In a text, only spaces separate the names of scopes.
        (["verification:read verification:write"], set()),
        *((f"verification:read{separator}verification:write", set()) for separator in "\t\n\r\v\f,;|+\x1c\x85\xa0\u2003\u2028\u3000\ufeff"),
        ("verification:read verification:write\t", {Scope.READ}),
        ("", set()),
        ([], set()),
    ],
)
async def test_names_of_scopes_are_separated_by_spaces_only(scope: object, granted: frozenset[Scope]) -> None:
    token = sealed(written({**VALID, "scope": orjson.dumps(scope).decode()}))

    assert (await reader().caller(f"Bearer {token}")).scopes == granted


async def test_every_transport_refuses_a_malformed_token(company: Company) -> None:
    client = company.gateway.client
    malformed = [
        sealed(written({**VALID, "other": DEEP})),
        sealed(written({**VALID, "sub": r'"\ud800"'})),
        sealed(written({**VALID, "exp": "NaN"})),
        sealed(written({**VALID, "exp": "1" + "0" * 5000})),
        sealed(written(VALID), f'{{"alg": "HS256", "kid": {DEEP}}}'),
    ]

    for token in malformed:
        headers = {"authorization": f"Bearer {token}"}
        posted = await client.post("/graphql", json={"query": OPERATIONS["me"]}, headers=headers)
        got = await client.get("/graphql", params={"query": OPERATIONS["me"]}, headers=headers)
        streamed = await client.post("/graphql", json={"query": OPERATIONS["me"]}, headers={**headers, "accept": "text/event-stream"})
        async with wired(company.gateway) as wire:
            await wire.send({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
            closed = await wire.closed()

        assert [response.status_code for response in (posted, got, streamed)] == [401, 401, 401]
        assert posted.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
        assert closed == 4403
