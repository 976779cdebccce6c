"""Tokens are verified with the keys that the issuer published last. While the issuer is unreachable, the keys fetched before stay in use."""

import asyncio
import gzip
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from gateway.callers import keys as issuer_keys
from gateway.callers.keys import MAX_ENTRIES, MAX_KEYS, KeysUnavailable, PublishedKeys, usable
from gateway.settings import BadSettings
from store.verifications import utc_now
from tests.gateway.callers.test_tokens import by_hand
from tests.serving import ISSUER, Gateway, serving
from tests.wire import wired

ME = "{ me { subject } }"
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
KINDS: dict[str, Key] = {
    "RS256": RSA,
    "PS256": RSAKey.generate_key(2048, {"kid": "pss"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ec"}),
    "ES384": ECKey.generate_key("P-384", {"kid": "ec-384"}),
    "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "ed"}),
}


class Issuer:
    """A server that publishes keys, and counts the requests that it receives."""

    def __init__(self, *keys: Key) -> None:
        self.keys: list[Any] = [key.as_dict(private=False) for key in keys]
        self.requests = 0
        self.port = 0
        # The bytes that are sent instead of the keys, if they are set, and whether the connection stays open after them.
        self.response: bytes | None = None
        self.stays_open = False
        self.accepted_encoding = ""
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The URL at which the keys are published."""
        return f"http://127.0.0.1:{self.port}/keys"

    async def open(self) -> None:
        """Start to answer requests."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop answering, as if the issuer were unreachable."""
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        # A client that gives up closes its connection, perhaps before it has sent its request.
        with suppress(ConnectionError, IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            self.requests += 1
            self.accepted_encoding = head.partition("accept-encoding: ")[2].partition("\r\n")[0]
            writer.write(response_of(orjson.dumps({"keys": self.keys})) if self.response is None else self.response)
            await writer.drain()
            if self.stays_open:
                await reader.read()
        writer.close()


@asynccontextmanager
async def an_issuer(*keys: Key) -> AsyncIterator[Issuer]:
    """A context in which an issuer publishes these keys."""
    issuer = Issuer(*keys)
    await issuer.open()
    try:
        yield issuer
    finally:
        await issuer.close()


@asynccontextmanager
async def trusting(database_uri: str, issuer: Issuer, **changed: Any) -> AsyncIterator[Gateway]:
    """Run a gateway that trusts only the keys that this issuer publishes, until the context ends."""
    async with serving(database_uri, token_key=None, token_issuer=ISSUER, token_jwks_url=issuer.url, **changed) as gateway:
        yield gateway


def signed(key: Key, algorithm: str = "RS256", **header: Any) -> str:
    """A token with the scope to read, signed with this key as an issuer would. `header`: more fields of its header."""
    return jwt.encode({"alg": algorithm, "kid": key.kid, **header}, claims(), key, [algorithm])


def claims() -> dict[str, Any]:
    now = int(utc_now().timestamp())
    return {"iss": ISSUER, "sub": "jo", "workspace": "acme", "scope": "verification:read", "iat": now, "exp": now + 600}


async def status(gateway: Gateway, token: str) -> int:
    return (await gateway.post(ME, token=token)).status_code


async def test_tokens_of_every_kind_of_published_key_are_accepted(database_uri: str) -> None:
    async with an_issuer(*KINDS.values()) as issuer, trusting(database_uri, issuer) as gateway:
        # The gateway has fetched the keys once, at its start, although no token was sent yet.
        assert ((await gateway.client.get("/readyz")).status_code, issuer.requests) == (200, 1)
        assert {kind: await status(gateway, signed(key, kind)) for kind, key in KINDS.items()} == dict.fromkeys(KINDS, 200)
        assert issuer.requests == 1


async def test_a_token_chooses_neither_its_key_nor_its_algorithm_nor_the_url_of_keys(database_uri: str) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "rsa"})
    async with an_issuer(RSA) as issuer, an_issuer(stranger) as evil, trusting(database_uri, issuer) as gateway:
        statuses = {
            "a stranger's key of the same id": await status(gateway, signed(stranger)),
            "a key inside the token": await status(gateway, signed(stranger, jwk=stranger.as_dict(private=False))),
            "a URL of its own": await status(gateway, signed(stranger, jku=evil.url, x5u=evil.url)),
            "the public key as a secret": await status(gateway, by_hand({"alg": "HS256", "kid": "rsa"}, claims(), RSA.as_pem(private=False))),
            "an id that is a path": await status(gateway, signed(RSA, kid="../../etc/passwd")),
            "an algorithm that is not allowed": await status(gateway, signed(RSA, "RS512")),
        }

    assert set(statuses.values()) == {401}, statuses
    assert evil.requests == 0


async def test_many_tokens_of_a_new_key_cause_one_request(database_uri: str) -> None:
    new = RSAKey.generate_key(2048, {"kid": "new"})
    async with an_issuer(RSA) as issuer:
        keys = PublishedKeys(issuer.url, pause_seconds=0)
        assert await keys.key("rsa")
        issuer.keys.append(new.as_dict(private=False))

        found = await asyncio.gather(*(keys.key("new") for _ in range(50)))

        assert [key.kid for key in found if key] == ["new"] * 50
        assert issuer.requests == 2


async def test_unknown_keys_do_not_flood_the_issuer_with_requests(database_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The clock stands still: on a busy machine, the requests could take longer than the pause between two requests to the issuer.
    monkeypatch.setattr(issuer_keys, "monotonic", lambda: 0.0)
    async with an_issuer(RSA) as issuer, trusting(database_uri, issuer) as gateway:
        statuses = [await status(gateway, signed(RSA, kid=f"unknown-{number}")) for number in range(30)]

        assert set(statuses) == {401}
        assert issuer.requests == 1


async def test_cached_keys_stay_in_use_while_the_issuer_is_unreachable() -> None:
    async with an_issuer(RSA) as issuer:
        keys = PublishedKeys(issuer.url, pause_seconds=0)
        await keys.refresh()

    await keys.refresh()
    assert await keys.key("rsa")
    assert await keys.key("another") is None


async def test_before_the_first_key_is_fetched_tokens_are_neither_accepted_nor_refused(database_uri: str) -> None:
    async with an_issuer(RSA) as issuer:
        await issuer.close()
        async with trusting(database_uri, issuer, ready=False) as gateway:
            answer = await gateway.post(ME, token=signed(RSA))
            async with wired(gateway) as wire:
                await wire.send({"type": "connection_init", "payload": {"authorization": f"Bearer {signed(RSA)}"}})
                code = await wire.closed()
            troubles = (await gateway.client.get("/readyz")).json()["troubles"]

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "5"
    assert code == 1013
    assert "the issuer's keys are not fetched yet from GATEWAY_TOKEN_JWKS_URL" in troubles
    assert str(issuer.port) not in answer.text


async def test_a_withdrawn_key_is_no_longer_accepted() -> None:
    withdrawn = RSAKey.generate_key(2048, {"kid": "withdrawn"})
    changes = []
    async with an_issuer(RSA, withdrawn) as issuer:
        keys = PublishedKeys(issuer.url, pause_seconds=0)
        running = asyncio.create_task(keys.run(lambda: changes.append(True)))
        assert await keys.key("withdrawn")
        issuer.keys.pop()
        await keys.refresh()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

        assert await keys.key("withdrawn") is None
        assert len(changes) == 2


def response_of(content: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """The bytes of a complete HTTP response. `headers`: lines that are added to its head."""
    return "\r\n".join([f"HTTP/1.1 {status}", "connection: close", f"content-length: {len(content)}", *headers, "", ""]).encode() + content


KEY_SET = orjson.dumps({"keys": [RSA.as_dict(private=False)]})
LONG = orjson.dumps({"keys": [RSA.as_dict(private=False)], "padding": "x" * 262_144})
BOMB = gzip.compress(b'{"keys": [' + b" " * 100_000_000 + b"]}")


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(response_of(LONG), id="too long"),
        pytest.param(response_of(gzip.compress(KEY_SET), "content-encoding: gzip"), id="compressed although that was not requested"),
        pytest.param(response_of(BOMB, "content-encoding: gzip"), id="100 MB, compressed to 100 kB"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + LONG, id="too long and without a length"),
        pytest.param(response_of(KEY_SET)[:-1], id="shorter than announced"),
        pytest.param(response_of(KEY_SET, status="500 Internal Server Error"), id="an error of the server"),
        pytest.param(response_of(b"[" * 5000 + b"]" * 5000), id="too deep"),
        pytest.param(response_of(b"[]"), id="a list"),
        pytest.param(response_of(b"null"), id="null"),
        pytest.param(response_of(b'{"keys": 7}'), id="a number of keys"),
        pytest.param(response_of(b'{"keys": {"rsa": {}}}'), id="an object of keys"),
        pytest.param(response_of(b"<html>"), id="HTML"),
        pytest.param(response_of(b"\xff"), id="no text"),
        pytest.param(b"x\r\n\r\n", id="no HTTP"),
        pytest.param(b"", id="nothing"),
    ],
)
async def test_a_response_that_is_no_key_set_within_the_limits_leaves_the_cached_keys_in_use(
    response: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with an_issuer(RSA) as issuer:
        keys = PublishedKeys(issuer.url, pause_seconds=0)
        await keys.refresh()
        issuer.response = response
        caplog.clear()

        await keys.refresh()

        assert issuer.requests == 2
        assert issuer.accepted_encoding == "identity"
        assert await keys.key("rsa")
        assert [record.getMessage().partition(" (")[0] for record in caplog.records if record.name == "gateway.callers.keys"] == [
            "the issuer's keys could not be fetched from GATEWAY_TOKEN_JWKS_URL"
        ]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_of_the_issuer_are_not_followed(status: int) -> None:
    async with an_issuer(RSA) as elsewhere, an_issuer(RSA) as issuer:
        issuer.response = response_of(b"", f"location: {elsewhere.url}", status=f"{status} Moved")

        with pytest.raises(KeysUnavailable):
            await PublishedKeys(issuer.url).key("rsa")

        assert (issuer.requests, elsewhere.requests) == (1, 0)


async def test_an_issuer_that_never_finishes_its_response_is_given_up() -> None:
    async with an_issuer(RSA) as issuer:
        issuer.response = response_of(KEY_SET)[:-1]
        issuer.stays_open = True

        with pytest.raises(KeysUnavailable):
            await PublishedKeys(issuer.url, fetch_seconds=0.2).key("rsa")


def test_only_the_first_keys_of_a_long_set_are_used() -> None:
    many = [{**RSA.as_dict(private=False), "kid": f"key-{number}"} for number in range(MAX_KEYS + 1)]
    useless: list[Any] = [{"kty": "nonsense"}] * (MAX_ENTRIES - 1)

    assert list(usable(many)) == [f"key-{number}" for number in range(MAX_KEYS)]
    assert list(usable([*useless, *many])) == ["key-0"]


async def test_an_issuer_without_usable_keys_is_treated_as_unreachable() -> None:
    async with an_issuer() as issuer:
        issuer.keys = ["x", {"kty": "nonsense"}, {"kty": "oct", "k": "c2VjcmV0", "kid": "rsa"}]
        with pytest.raises(KeysUnavailable):
            await PublishedKeys(issuer.url, pause_seconds=0).key("rsa")


def test_keys_that_are_too_small_or_not_for_signatures_are_not_used() -> None:
    with pytest.warns(SecurityWarning):
        small = RSAKey.generate_key(1024, {"kid": "small"}).as_dict(private=False)
    elsewhere = {**RSA.as_dict(private=False), "use": "enc", "kid": "enc"}

    assert usable([small, elsewhere, RSA.as_dict(private=False)]).keys() == {"rsa"}


async def test_keys_can_be_in_a_file(database_uri: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(orjson.dumps({"keys": [RSA.as_dict(private=False)]}))

    async with serving(database_uri, token_key=None, token_jwks_file=file) as gateway:
        assert await status(gateway, signed(RSA)) == 200
        assert await status(gateway, signed(KINDS["ES256"], "ES256")) == 401


@pytest.mark.parametrize("content", ["", "{}", '{"keys": []}', '{"keys": 7}', "[]"])
async def test_a_file_without_keys_is_refused_at_the_start(database_uri: str, tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content)

    with pytest.raises(BadSettings, match="GATEWAY_TOKEN_JWKS_FILE"):
        async with serving(database_uri, token_jwks_file=file):
            pass


async def test_the_age_of_the_keys_and_failed_fetches_are_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with an_issuer(RSA) as issuer:
        keys = PublishedKeys(issuer.url, pause_seconds=0)
        before = keys.age_seconds
        await keys.refresh()
        fresh, failures = keys.age_seconds, keys.failures
        issuer.response = b"HTTP/1.1 500 Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        await keys.refresh()
        failed = keys.failures
        issuer.response = None
        await keys.refresh()

    assert before is None
    assert fresh is not None
    assert 0 <= fresh < 60
    assert (failures, failed, keys.failures) == (0, 1, 1)
    assert caplog.records[-1].getMessage() == "the issuer's keys were fetched again"
