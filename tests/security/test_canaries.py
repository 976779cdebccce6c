"""Sends marked values ("canaries") in all parts of requests. These values may appear in answers, but never in output, logs or metrics.

Case S17 in tests/security/README.md.
"""

import asyncio
import re
import signal
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
import pytest
from joserfc.jwk import RSAKey
from pymongo import MongoClient
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from domain.caller import Scope
from gateway.application import token_reader
from store.indexes import VERIFICATIONS
from store.verifications import utc_now
from tests.gateway.callers.test_keys import an_issuer, signed
from tests.gateway.transports.test_http_connection import line
from tests.processes.forwarder import forwarding
from tests.processes.process import running
from tests.processes.service import api_at, free_port, settings_at
from tests.security.transports import EVENT_STREAM, LIVE, Live, Request, request_for
from tests.serving import ISSUER, KEYS, Gateway, settings_for_tests
from tests.wire import PROTOCOL, Wire, wired

CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id verificationUrl } } }"
RESULT = "mutation($input: ReportResultInput!) { reportResult(input: $input) { __typename } }"
READ = "query($id: ID!) { verification(id: $id) { status declaredIdentity { firstName } extractedDocument { fullName } events { at } } }"
ISSUE = "mutation($id: ID!) { issueFollowToken(verificationId: $id) { ... on FollowToken { token } } }"
# This query makes the gateway fail with an unexpected error, whose log entry must contain no canary either. The error occurs because the gateway uses
# an index that the test has dropped. The test has no other way to cause such an error.
BY_CHANGE = '{ verifications(orderBy: UPDATED_NEWEST, filter: { createdAfter: "2026-01-01T00:00:00Z" }) { totalCount } }'
UPDATED = "subscription($id: ID!) { verificationUpdated(id: $id) { verification { status declaredIdentity { firstName } } } }"
FEED = 'subscription { canary: verificationsUpdated(filter: { reference: "canary-filter" }) { cursor } }'
PERSON = {
    "firstName": "Canary-first",
    "lastName": "Canary-last",
    "redirectionUrl": "https://canary.example/canary-path?canary-query",
    "reference": "canary-reference",
    "idempotencyKey": "canary-key",
}
DOCUMENT = {"fullName": "Canary-full", "nationalIdentificationNumber": "canary-number"}
HEADERS = {
    name: f"canary-{name}"
    for name in ("user-agent", "cookie", "referer", "x-forwarded-for", "forwarded", "accept-language", "last-event-id", "apollographql-client-name")
} | {"x-request-id": "canary with a space"}
BODIES = [
    b'{"query": "canary-body',
    b'{"query": "{ canaryField }"}',
    b'{"query": "canary {"}',
    b'["canary-list"]',
    b"\xffcanary-bytes",
    b'{"canary": 1}',
]
FRAMES = [
    "canary-frame",
    '{"type": "canary-type"}',
    '{"type": "subscribe", "id": "canary-id", "payload": "canary-payload"}',
    '{"type": "connection_init", "payload": {"authorization": "Bearer canary-token", "canary": "canary-more"}}',
]
CANARY = re.compile("canary[a-z0-9-]*", re.I)


@dataclass(frozen=True, slots=True)
class CanarySender:
    """Sends requests with canaries to a gateway."""

    gateway: Gateway
    token: str
    provider: str
    outsider: str

    async def create(self) -> tuple[str, list[str]]:
        """Create a verification whose personal data are canaries. Returns the id, and the secrets that the answers contained: a token and a link."""
        made = (await self.gateway.query(CREATE, {"input": PERSON}, self.token))["createVerification"]
        result = {
            "verificationId": made["id"],
            "status": "FAILED",
            "reasonCodes": ["CANARY_CODE"],
            "extractedDocument": DOCUMENT,
            "eventId": "canary-event",
        }
        await self.gateway.client.get(f"{urlsplit(made['verificationUrl']).path}?canary=canary-page")
        await self.gateway.query(RESULT, {"input": result}, self.provider)
        follow: str = (await self.gateway.query(ISSUE, {"id": made["id"]}, self.token))["issueFollowToken"]["token"]
        await self.gateway.query("{ me { scopes } }", None, follow)
        return made["id"], [follow, made["verificationUrl"]]

    async def send_everything(self, id: str) -> None:
        """Send valid and invalid requests with canaries, over every transport."""
        await self._by_http(id)
        await self._by_socket(id)
        async with line(self.gateway) as raw:
            await raw.say(b"GET /canary-path?canary-query HTTP/3.0\r\nx-canary: canary-header\r\n\r\n")
            await raw.ended()
        async with line(self.gateway) as raw:
            await raw.say(b"GET /canary-long HTTP/1.1\r\nx-canary: " + b"canary" * 10_000 + b"\r\n\r\n")
            await raw.ended()

    async def _by_http(self, id: str) -> None:
        client, bearer = self.gateway.client, {"authorization": f"Bearer {self.token}"}
        for path in ("/canary-path", "/livez?canary", "/readyz?canary", "/graphql?query=canary&token=canary", "/sandbox/canary-id/canary-signature"):
            await client.get(path, headers={**HEADERS, **bearer})
        for path in ("/graphql", "/canary-path", "/sandbox/canary-id/canary-signature"):
            for body in BODIES:
                for authorization in (bearer, {"authorization": "Bearer canary.canary.canary"}, {"authorization": f"Bearer {self.outsider}"}):
                    await client.post(path, content=body, headers={**HEADERS, "content-type": "application/json", **authorization})
        await client.post("/graphql", json=request_for(READ, {"id": id}), headers={**bearer, "origin": "https://canary.example"})
        requests = (
            request_for(READ, {"id": id}),
            request_for(READ, {"id": "canary-id"}),
            request_for(READ, {"id": {"canary": "canary-value"}}),
            request_for(CREATE, {"input": {**PERSON, "firstName": "Canary-other"}}),
            request_for(CREATE, {"input": {**PERSON, "canaryField": "canary-field"}}),
            request_for('{ verifications(after: "canary-cursor") { totalCount } }'),
        )
        variants = [(request, accepted) for request in requests for accepted in ({}, EVENT_STREAM)]
        await asyncio.gather(*(client.post("/graphql", json=each, headers={**HEADERS, **bearer, **accepted}) for each, accepted in variants))

    async def _by_socket(self, id: str) -> None:
        with pytest.raises(InvalidStatus):
            async with connect(f"{self.gateway.websocket}?canary-query", origin=Origin("https://canary.example")):
                pass
        for frame in FRAMES:
            async with connect(
                f"{self.gateway.websocket}?token=canary-query", subprotocols=[PROTOCOL], additional_headers={"x-canary": "canary"}
            ) as socket:
                await socket.send(frame)
                await Wire(socket).closed()
        for frame in FRAMES:
            async with wired(self.gateway, self.token) as wire:
                await wire.send({"type": "ping", "payload": {"canary": "canary-ping"}})
                await wire.say(frame)
                await wire.closed()
        requests = (request_for(READ, {"id": id}), request_for(FEED), request_for("{ canaryField }"), request_for(UPDATED, {"id": "canary-id"}))
        await asyncio.gather(*(self._first(live, request) for request in requests for live in LIVE.values()))

    async def _first(self, live: Live, request: Request) -> None:
        async with aclosing(live(self.gateway, self.token, request)) as responses:
            # Without MongoDB, an event stream ends without an event, and a socket is closed.
            with suppress(ConnectionClosed):
                await anext(responses, None)


async def test_canaries_appear_nowhere_but_in_answers(
    tmp_path: Path, database_uri: str, database_name: str, mongo: MongoClient[dict[str, Any]]
) -> None:
    mongo[database_name].command("createUser", "canary-user", pwd="canary-password", roles=[])
    parts = urlsplit(database_uri)
    uri = urlunsplit(parts._replace(netloc=f"canary-user:canary-password@{parts.netloc}"))
    port = free_port()
    tokens = token_reader(settings_for_tests("mongodb://unused", port, token_issuer=ISSUER), utc_now)
    api, provider = api_at(port), api_at(port, Scope.REPORT).token
    async with (
        an_issuer(key := RSAKey.generate_key(2048, {"kid": "canary-kid"})) as issuer,
        forwarding(uri) as forwarder,
        httpx2.AsyncClient(base_url=api.url, timeout=30, trust_env=False) as client,
    ):
        settings = settings_at(port) | {
            "GATEWAY_MONGO_URI": forwarder.uri,
            "GATEWAY_TOKEN_JWKS_URL": f"http://127.0.0.1:{issuer.port}/canary-path?canary-query",
            "GATEWAY_LOG_LEVEL": "debug",
            "GATEWAY_DATABASE_SECONDS": "0.5",
            "GATEWAY_REQUEST_SECONDS": "0.5",
        }
        await forwarder.open()
        async with running(tmp_path, "serve", **settings) as command:
            await command.ready(api.url)
            sender = CanarySender(Gateway(api.url, tokens, client), api.token, provider, signed(key))
            id, secrets = await sender.create()
            await sender.send_everything(id)
            await issuer.close()
            await client.post(
                "/graphql", json=request_for("{ me { subject } }"), headers={"authorization": f"Bearer {signed(key, kid='canary-other')}"}
            )
            unreadable = {"status": "canary-status", "events": "canary-events", "declared.data": b"canary-data"}
            mongo[database_name][VERIFICATIONS].update_one({"_id": id}, {"$set": unreadable})
            mongo[database_name][VERIFICATIONS].drop_index("workspace_1_updatedAt_1__id_1")
            await client.post("/graphql", json=request_for(BY_CHANGE), headers={"authorization": f"Bearer {api.token}"})
            await sender.send_everything(id)
            await forwarder.close()
            await sender.send_everything(id)
            metrics = (await client.get("/metrics")).text
            await command.end(signal.SIGTERM)

    written = "\n".join([command.output.read_text(), command.errors.read_text(), metrics])
    assert CANARY.findall(written) == []
    for secret in (*secrets, api.token, provider, sender.outsider, *KEYS.values(), forwarder.uri, *(api.token.split("."))[1:]):
        assert secret not in written
    assert "Traceback" not in written
    # The log must contain errors and refusals, and refused tokens at the level debug. Otherwise, the search above would prove nothing.
    for line_of_the_log in ("listening on", "unexpected ", "can't be read", "a token was refused"):
        assert line_of_the_log in written
