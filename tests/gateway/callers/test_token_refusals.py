"""How refused tokens are counted and logged."""

import logging
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from gateway.callers.buckets import Bucket
from gateway.callers.token_refusals import TokenFault, TokenRefusals
from gateway.callers.tokens import Tokens, Trust, Unauthenticated
from store.verifications import utc_now
from tests.serving import KEYS

NOW = int(datetime.now(UTC).timestamp())
VALID = {"sub": "someone", "workspace": "acme", "iss": "https://issuer.example", "aud": "gateway", "iat": NOW, "exp": NOW + 3_600}
OTHER_KEY = "another-key-0123456789-abcdefghijklm"


def signed(changes: dict[str, Any], key: str = KEYS["token_key"]) -> str:
    """A token with the claims of VALID, apart from `changes`: other values for claims. None removes a claim. `key` signs the token."""
    claims = {name: value for name, value in {**VALID, **changes}.items() if value is not None}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(key), ["HS256"])


FAULTS: dict[TokenFault, Callable[[], str]] = {
    TokenFault.MISSING: lambda: "",
    TokenFault.TOO_LONG: lambda: "x" * 9000,
    TokenFault.MALFORMED: lambda: "secret.secret.secret",
    TokenFault.UNKNOWN_KEY: lambda: ".".join([urlsafe_b64encode(b'{"alg":"RS256","kid":"x"}').decode().rstrip("="), *signed({}).split(".")[1:]]),
    TokenFault.SIGNATURE: lambda: signed({}, OTHER_KEY),
    TokenFault.EXPIRED: lambda: signed({"iat": NOW - 900, "exp": NOW - 300}),
    TokenFault.NOT_YET_VALID: lambda: signed({"nbf": NOW + 3_000}),
    TokenFault.LIFETIME: lambda: signed({"exp": NOW + 86_400 * 30}),
    TokenFault.ISSUER: lambda: signed({"iss": "https://other.example"}),
    TokenFault.AUDIENCE: lambda: signed({"aud": "another"}),
    TokenFault.CLAIMS: lambda: signed({"workspace": "no workspace!"}),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_refused_token_is_counted_and_logged_with_its_cause_alone(fault: TokenFault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    tokens = Tokens(Trust(KEYS["token_key"], issuer=VALID["iss"], audience=VALID["aud"]), [KEYS["signing_key"]], utc_now)  # type: ignore[arg-type]
    token = FAULTS[fault]()

    with pytest.raises(Unauthenticated):
        await tokens.caller(f"Bearer {token}")

    assert tokens.refusals.counts == {fault: 1}
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.INFO, f"a token was refused: {fault.value}")


async def test_a_token_that_expires_after_it_was_verified_is_refused_as_expired() -> None:
    now = [utc_now()]
    tokens = Tokens(Trust(KEYS["token_key"]), [KEYS["signing_key"]], lambda: now[0])
    token = f"Bearer {tokens.token('someone', 'acme', [], timedelta(minutes=1))}"
    await tokens.caller(token)
    now[0] += timedelta(minutes=2)

    with pytest.raises(Unauthenticated):
        await tokens.caller(token)

    assert tokens.refusals.counts == {TokenFault.EXPIRED: 1}


def test_many_refusals_are_all_counted_but_few_of_them_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    seconds = [0.0]
    refusals = TokenRefusals(Bucket(1, 2, lambda: seconds[0]))

    for _ in range(100):
        refusals.refused(TokenFault.SIGNATURE)
    seconds[0] += 1
    refusals.refused(TokenFault.MISSING)

    assert refusals.counts == {TokenFault.SIGNATURE: 100, TokenFault.MISSING: 1}
    assert [record.getMessage() for record in caplog.records] == [
        "a token was refused: signature",
        "a token was refused: signature",
        "a token was refused: missing (98 earlier refusals were not logged)",
    ]
