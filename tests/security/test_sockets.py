"""A flood of sockets with a flood of subscriptions on each. Case S24 as a whole; its single limits, and the cases S08, S09 and S23,
are tried in tests/gateway/transports/test_websocket.py, test_connections.py and test_admission.py.
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
ROOM, COMING, OPERATIONS = 50, 250, 40


async def test_while_sockets_and_subscriptions_flood_in_everybody_else_is_answered(database_uri: str) -> None:
    async with serving(database_uri, max_sockets_per_address=ROOM) as gateway, AsyncExitStack() as stack:
        token = gateway.token()

        async def come() -> None:
            wire = await stack.enter_async_context(wired(gateway))
            # Who reads nothing can't take leave either.
            stack.callback(wire.connection.transport.abort)
            with suppress(ConnectionClosed):
                await wire.send({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
                for operation in range(OPERATIONS):
                    await wire.subscribe(str(operation), FEED)

        async with asyncio.TaskGroup() as group:
            for _ in range(COMING):
                group.create_task(come())
            for _ in range(10):
                assert (await gateway.client.get("/livez")).is_success
                await gateway.query(CREATE, {"input": PERSON}, gateway.token(workspace="another"))
        async with asyncio.timeout(GENEROUS_SECONDS):
            while await refused(gateway, "address") < COMING - ROOM:
                await asyncio.sleep(0.02)

        assert (await gateway.client.get("/readyz")).is_success
        assert await refused(gateway, "address") == COMING - ROOM
