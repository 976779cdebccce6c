"""Attacks through nginx. The body of a request contains another request, and nginx sends requests of other callers on the same connection."""

from itertools import product
from pathlib import Path

import orjson
import pytest

from tests.framing.connections import Peer, connected
from tests.framing.exchanges import check
from tests.framing.nginx import nginx, recipe
from tests.framing.requests import CREATE, ME, OFFERS, PERSON, Caller, Request, expected, smuggled
from tests.framing.watched import Watched

OFFERED = ("h2c", "foo", "websocket", "Java")
# Lengths of bodies. nginx sends a body of up to 16 KB together with the head. The gateway reads a longer body separately from its head.
SIZES = (4_000, 18_000, 28_000)
VICTIMS = 3


def beginning(*headers: str, target: str = "/graphql", method: str = "POST") -> bytes:
    """The beginning of a request, without its end. If the gateway parsed it as a request, the next request on the connection would become its end."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: gateway", "Content-Type: application/json", *headers]).encode()


def open_ended(smuggler: Caller) -> dict[str, bytes]:
    """Bytes for the end of a body. The keys say which harm the next caller would suffer if the gateway parsed these bytes as a request."""
    mutation = orjson.dumps({"query": CREATE, "variables": {"input": PERSON}})
    return {
        "the next caller gets another answer": smuggled(smuggler),
        "the next caller's token is used for a query": beginning("X-Rest: ", method="GET", target="/graphql?query=%7Bme%7Bsubject%7D%7D"),
        "the next caller's token is used for a mutation": b"%b\r\nContent-Length: %d\r\nX-Rest: " % (beginning(), len(mutation)),
        "the next caller's request is stored": beginning(f"Authorization: Bearer {smuggler.token}", "Content-Length: 200", "", ""),
    }


ATTACKS = tuple(open_ended(Caller("", "")))


def attacks(watched: Watched, attack: str, *callers: Caller | None) -> list[Request]:
    """The requests that carry this attack at the end of their body: one for each offer, framing, size and caller. The caller None sends no token."""
    ending = open_ended(watched.callers.smuggler)[attack]
    contents = [b"\r\n" * ((size - len(ending)) // 2) + ending for size in SIZES]
    return [
        Request(offer=OFFERS[offer], framing=framing, content=content, caller=caller)
        for offer, framing, content, caller in product(OFFERED, ("length", "chunked"), contents, callers)
    ]


async def expect_own_answers(watched: Watched, proxy: Peer) -> None:
    """Send requests of other callers on new connections to nginx. Check that each caller receives its own response."""
    for _ in range(VICTIMS):
        request = Request(content=orjson.dumps({"query": ME}), caller=watched.callers.next())
        async with connected(proxy) as connection:
            await connection.send(request.whole)
            check(await connection.answer(), expected(request), request)


@pytest.mark.parametrize("attack", ATTACKS)
async def test_callers_after_an_attacker_receive_their_own_responses(watched: Watched, attack: str, tmp_path: Path) -> None:
    requests = attacks(watched, attack, None, watched.callers.smuggler)

    async with watched.executes(queries=VICTIMS * len(requests)), nginx(watched.peer.port, tmp_path, recipe(kept=1)) as proxy:
        connections, reads = watched.reads.connections, watched.reads.count
        for request in requests:
            async with connected(proxy) as attacker:
                await attacker.send(request.whole)
                check(await attacker.answer(), expected(request), request)
            await expect_own_answers(watched, proxy)

        # The attack is possible only if several requests share a connection to the gateway, and if the gateway reads bodies separately from their
        # heads. Otherwise, the test would pass even if the gateway were vulnerable.
        assert watched.reads.connections - connections < len(requests), "requests followed each other on a connection to the gateway"
        assert watched.reads.count - reads > (1 + VICTIMS) * len(requests), "bodies came behind their heads"


@pytest.mark.parametrize("attack", ATTACKS)
async def test_callers_receive_their_own_responses_if_nginx_does_not_buffer_bodies(watched: Watched, attack: str, tmp_path: Path) -> None:
    # All attacks here are requests with a token. The gateway would answer a request without a token before nginx has sent its body. nginx would then
    # close the connection, and no other request could follow.
    requests = attacks(watched, attack, watched.callers.smuggler)
    chosen = recipe(kept=1, buffered=False)

    async with watched.executes(queries=VICTIMS * len(requests)), nginx(watched.peer.port, tmp_path, chosen) as proxy:
        connections = watched.reads.connections
        for request in requests:
            head, body = request.parts
            async with connected(proxy) as attacker:
                reads = watched.reads.count
                await attacker.send(head)
                await watched.reads.beyond(reads)
                await attacker.send(body)
                check(await attacker.answer(), expected(request), request)
            await expect_own_answers(watched, proxy)

        assert watched.reads.connections - connections < len(requests), "requests followed each other on a connection to the gateway"


@pytest.mark.parametrize("attack", ATTACKS)
async def test_callers_receive_their_own_responses_if_nginx_does_not_keep_connections(watched: Watched, attack: str, tmp_path: Path) -> None:
    requests = attacks(watched, attack, None, watched.callers.smuggler)[::4]

    async with watched.executes(queries=VICTIMS * len(requests)), nginx(watched.peer.port, tmp_path, recipe()) as proxy:
        for request in requests:
            async with connected(proxy) as attacker:
                await attacker.send(request.whole)
                check(await attacker.answer(), expected(request), request)
            await expect_own_answers(watched, proxy)
