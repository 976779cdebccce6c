"""Scenarios of the token issuer."""

import asyncio
from collections.abc import AsyncGenerator

from joserfc.jwk import RSAKey

from tests.alerts.prometheus import Labels
from tests.alerts.scenario import scenario
from tests.alerts.stage import LIST, Stage
from tests.gateway.callers.test_keys import RSA, Issuer, an_issuer, signed

TOKENS = 150
# How long IssuerKeysStale may take to fire. Gateways fetch the keys every 600 seconds. In the copies of the rules, the alert fires when the keys are
# older than 640 seconds.
STALE_SECONDS = 900.0


@scenario(
    "TokensRefused", fault="150 tokens with a key that the issuer does not publish", remedy="step 1: it publishes the key; the gateway fetches it"
)
async def rotated(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Send tokens that the issuer signed with a new key, which it has not published. Then publish the key."""
    new = RSAKey.generate_key(2048, {"kid": "new"})
    async with an_issuer(RSA) as issuer:
        gateway = await stage.start("rotating", stage.uri("rotating"), GATEWAY_TOKEN_JWKS_URL=issuer.url)
        assert "errors" in await gateway.post(LIST, signed(new))
        await asyncio.sleep(5)  # Prometheus must read the counter once before it grows, or it sees no increase.
        for _ in range(TOKENS):
            assert "errors" in await gateway.post(LIST, signed(new))
        yield {"cause": "unknown key"}
        issuer.keys.append(new.as_dict(private=False))
        async with asyncio.timeout(60):
            while "errors" in await gateway.post(LIST, signed(new)):
                await asyncio.sleep(1)


@scenario("IssuerKeysStale", fault="the issuer can't be reached", remedy="step 1: the way to the issuer is back", seconds=STALE_SECONDS)
async def unreachable(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Stop the issuer, so that its keys can't be fetched. Then start it again."""
    issuer = Issuer(RSA)
    await issuer.open()
    gateway = await stage.start("stale", stage.uri("stale"), GATEWAY_TOKEN_JWKS_URL=issuer.url)
    await issuer.close()
    yield gateway.labels
    assert "errors" not in await gateway.post(LIST, signed(RSA))
    await issuer.open()
