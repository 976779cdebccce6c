# following.py
import asyncio
import random

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportConnectionFailed
from gql.transport.websockets import WebsocketsTransport

from app import FOLLOW, finished, fresh_token, id, show, socket_url

MAX_WAIT_SECONDS = 30


async def follow() -> None:
    cursor, failures = None, 0
    while True:
        transport = WebsocketsTransport(socket_url, init_payload={"authorization": f"Bearer {fresh_token()}"})
        try:
            async with Client(transport=transport) as session:
                request = GraphQLRequest(FOLLOW, variable_values={"id": id, "cursor": cursor})
                async for data in session.subscribe(request):
                    cursor, failures = data["verificationUpdated"]["cursor"], 0
                    show(data["verificationUpdated"])
            return finished()
        except TransportConnectionFailed:
            await asyncio.sleep(random.uniform(0.5, 1) * min(2**failures, MAX_WAIT_SECONDS))
            failures += 1


asyncio.run(follow())
