"""A client opens many sockets with many subscriptions on each. Other clients must still be served. Case S24 in tests/security/README.md.

The tests of each limit, and of the cases S08, S09 and S23, are in tests/gateway/transports/test_websocket.py and test_http_connection.py, and in
tests/gateway/callers/test_admission.py.
"""

import asyncio
from contextlib import AsyncExitStack, suppress

from websockets.exceptions import ConnectionClosed

from tests.company import PERSON
from tests.gateway.refusals import refused
from tests.serving import serving
from tests.wire import GENEROUS_SECONDS, wired

CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { __typename } }"
FEED = "subscription { verificationsUpdated { cursor } }"
ADMITTED, ATTEMPTED, OPERATIONS = 50, 250, 40


async def test_other_callers_are_answered_during_a_flood_of_sockets_and_subscriptions(database_uri: str) -> None:
    async with serving(database_uri, max_sockets_per_address=ADMITTED) as gateway, AsyncExitStack() as stack:
        token = gateway.token()

        async def flood() -> None:
            wire = await stack.enter_async_context(wired(gateway))
            # At the end, abort the connection without a close handshake. A close handshake would never finish, because this client reads nothing.
            stack.callback(wire.connection.transport.abort)
            with suppress(ConnectionClosed):
                await wire.send({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
                for operation in range(OPERATIONS):
                    await wire.subscribe(str(operation), FEED)

        async with asyncio.TaskGroup() as group:
            for _ in range(ATTEMPTED):
                group.create_task(flood())
            for _ in range(10):
                assert (await gateway.client.get("/livez")).is_success
                await gateway.query(CREATE, {"input": PERSON}, gateway.token(workspace="another"))
        async with asyncio.timeout(GENEROUS_SECONDS):
            while await refused(gateway, "address") < ATTEMPTED - ADMITTED:
                await asyncio.sleep(0.02)

        assert (await gateway.client.get("/readyz")).is_success
        assert await refused(gateway, "address") == ATTEMPTED - ADMITTED
