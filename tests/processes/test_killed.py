"""Tests that a follower of a chain loses and repeats nothing while its gateway is killed again and again."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed

from domain.caller import Scope
from gateway.application import token_reader
from store.verifications import utc_now
from tests.followers import ChainFollower, CutOff, Transport
from tests.processes.process import CREATE, READY_SECONDS, REQUEST, running
from tests.processes.service import free_port, settings_at
from tests.serving import ISSUER, Gateway, serving, settings_for_tests

RETRY = "mutation($id: ID!) { retryVerification(input: { verificationId: $id }) { ... on Verification { id } } }"
PROGRESS = """
mutation($id: ID!, $step: Progress!) { reportProgress(input: { verificationId: $id, progress: $step }) { ... on Verification { version } } }
"""
RESULT = """
mutation($id: ID!, $status: VerificationStatus!, $codes: [String!]!) {
  reportResult(input: { verificationId: $id, status: $status, reasonCodes: $codes }) { ... on Verification { version } }
}
"""
EVENTS = "query($id: ID!) { verification(id: $id) { attempts { id events { version } } } }"


class Provider:
    """Creates a chain of attempts through a gateway that is never killed, and reports events for all of them."""

    def __init__(self, gateway: Gateway, first: str) -> None:
        self.ids = [first]
        self._gateway = gateway
        self._token = gateway.token(Scope.READ, Scope.WRITE, Scope.REPORT)

    async def attempt(self, status: str, *codes: str) -> None:
        """Retry the newest attempt. Report its progress, then a late result for the first attempt, then the result of the new attempt."""
        self.ids.append((await self._gateway.query(RETRY, {"id": self.ids[-1]}, self._token))["retryVerification"]["id"])
        for step in ("LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED"):
            await self._gateway.query(PROGRESS, {"id": self.ids[-1], "step": step}, self._token)
        await self.result(self.ids[0], "INCONCLUSIVE", f"LATE_{len(self.ids)}")
        await self.result(self.ids[-1], status, *codes)

    async def result(self, id: str, status: str, *codes: str) -> None:
        """Report a result of an attempt."""
        await self._gateway.query(RESULT, {"id": id, "status": status, "codes": codes}, self._token)

    async def versions(self) -> dict[str, list[int]]:
        """The versions of all events of each attempt."""
        attempts = (await self._gateway.query(EVENTS, {"id": self.ids[0]}, self._token))["verification"]["attempts"]
        return {attempt["id"]: [event["version"] for event in attempt["events"]] for attempt in attempts}


@asynccontextmanager
async def served(directory: Path, database_uri: str, port: int) -> AsyncIterator[tuple[Gateway, asyncio.Event]]:
    """A context with a gateway in its own process. It is killed with SIGKILL when the event is set, or at the end of the context."""
    killed = asyncio.Event()
    async with running(directory, "serve", GATEWAY_MONGO_URI=database_uri, **settings_at(port)) as command:
        url = f"http://127.0.0.1:{port}"
        await command.ready(url)

        async def kill() -> None:
            await killed.wait()
            await command.end(signal.SIGKILL)

        killing = asyncio.create_task(kill())
        async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=READY_SECONDS) as client:
            yield Gateway(url, token_reader(settings_for_tests("mongodb://unused", port, token_issuer=ISSUER), utc_now), client), killed
        killed.set()
        await killing


@pytest.mark.parametrize("transport", ["socket", "stream"])
async def test_a_chain_is_followed_without_loss_or_repetition_while_the_gateway_is_killed(
    tmp_path: Path, database_uri: str, transport: Transport
) -> None:
    port = free_port()
    async with serving(database_uri) as steady:
        provider = Provider(steady, (await steady.query(CREATE, {"input": REQUEST}))["createVerification"]["id"])
        follower = ChainFollower(provider.ids[0])
        await provider.result(provider.ids[0], "FAILED", "IDVV_2101")
        for messages in range(2):
            async with served(tmp_path, database_uri, port) as (gateway, killed):
                with suppress(ConnectionClosed, httpx2.TransportError, CutOff):
                    async with follower.following(gateway, gateway.token(), transport) as updates:
                        await anext(updates)
                        changing = asyncio.create_task(provider.attempt("FAILED", "IDVV_2101"))
                        for _ in range(messages):
                            await anext(updates)
                        killed.set()
                        async for _ in updates:
                            pass
                await changing
        await provider.attempt("VERIFIED")
        async with served(tmp_path, database_uri, port) as (gateway, _), follower.following(gateway, gateway.token(), transport) as updates:
            last = [update["verification"]["attempt"] async for update in updates]

        assert last[0] == len(provider.ids) == 4
        assert follower.versions == await provider.versions()
