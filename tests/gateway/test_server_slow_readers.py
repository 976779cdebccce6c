"""Checks that a client that stops reading is disconnected, while other clients of the same process are served."""

import asyncio
import socket
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.serving import Gateway, serving

FEED = "subscription { verificationsUpdated { cursor verification { id version redirectionUrl } } }"
CREATE = 'mutation($url: String!) { createVerification(input: {firstName: "A", lastName: "B", redirectionUrl: $url}) { __typename } }'
LONG = "https://example.com/" + "x" * 1900


async def follow(gateway: Gateway, **options: Any) -> ClientConnection:
    """Open a socket, subscribe to all verifications of the workspace, and receive the first message. Returns the socket."""
    client = await connect(gateway.websocket, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None, **options)
    for message in (
        {"type": "connection_init", "payload": {"authorization": f"Bearer {gateway.token()}"}},
        {"type": "subscribe", "id": "1", "payload": {"query": FEED}},
    ):
        await client.send(orjson.dumps(message).decode())
    assert orjson.loads(await client.recv())["type"] == "connection_ack"
    await client.recv()
    return client


async def test_a_client_that_reads_nothing_is_disconnected_and_others_are_served(database_uri: str) -> None:
    async with serving(database_uri, unread_seconds=2) as gateway:
        small = socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2])))
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck = await follow(gateway, sock=small, max_queue=1)
        other = await follow(gateway)

        created, ids = 0, list[str]()

        async def read() -> None:
            async for frame in other:
                ids.append(orjson.loads(frame)["payload"]["data"]["verificationsUpdated"]["verification"]["id"])

        # The client `other` must read all the time. Otherwise the gateway would disconnect it too, like the client that reads nothing.
        reading = asyncio.create_task(read())
        async with asyncio.timeout(120):
            while "gateway_sockets 1.0" not in (await gateway.client.get("/metrics")).text:
                await asyncio.gather(*(gateway.query(CREATE, {"url": LONG}) for _ in range(50)))
                created += 50
            while len(ids) < created and not reading.done():
                await asyncio.sleep(0.02)

        assert len(set(ids)) == len(ids) == created
        await other.close()
        await reading
        stuck.transport.abort()
        await stuck.wait_closed()
        small.close()
