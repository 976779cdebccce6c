"""Clients that stop reading, and the other clients of the same process."""

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
    """A socket with a subscription to the whole workspace."""
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

        created = 0
        async with asyncio.timeout(120):
            while "gateway_sockets 1.0" not in (await gateway.client.get("/metrics")).text:
                await asyncio.gather(*(gateway.query(CREATE, {"url": LONG}) for _ in range(50)))
                created += 50

        received = [orjson.loads(await other.recv()) for _ in range(created)]
        ids = {message["payload"]["data"]["verificationsUpdated"]["verification"]["id"] for message in received}
        assert len(ids) == created
        await other.close()
        stuck.transport.abort()
        await stuck.wait_closed()
        small.close()
