"""Generates and runs exchanges, which test where the gateway ends one request and begins the next.

An exchange is a request, the requests that follow it on the same connection, and the expected responses.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from tests.framing.callers import Callers
from tests.framing.connections import Answer, Peer, connected
from tests.framing.requests import OFFERS, Expected, Request, contents, expected

LIVEZ = b"GET /livez HTTP/1.1\r\nHost: gateway\r\n\r\n"
LAST = b"GET /livez HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"
ALIVE = Expected(200, b"alive\n")

# A function that cuts the head and the body of an exchange's first request into segments, which are sent one by one. With `AT_ONCE`, this request and
# all requests that follow are sent together, before any response arrives.
Cut = Callable[[bytes, bytes], list[bytes]]
AT_ONCE = "at once"
CUTS: dict[str, Cut] = {
    AT_ONCE: lambda head, body: [head + body],
    "head, body": lambda head, body: [head, body],
    "inside the head": lambda head, body: [head[:-40], head[-40:] + body],
    "before the last byte of the head": lambda head, body: [head[:-1], head[-1:] + body],
    "inside the body": lambda head, body: [head + body[: len(body) // 2], body[len(body) // 2 :]],
}
BODIES = ("no body", "length", "chunked")
FOLLOWERS = ("nothing", "a GET", "another caller", "another offer")
# For each method: the bodies that are sent with it, and the ways in which its request is cut into segments. The methods other than GET and POST have
# fewer cases, because none of their requests takes the fast path: Starlette answers HEAD like GET, and refuses the other methods.
METHODS = {
    "POST": (("a query", "a request", "a query that holds a request", "a request behind 18 KB", "a query behind 28 KB"), tuple(CUTS)),
    "GET": (("a request", "a request behind 18 KB"), tuple(CUTS)),
    **dict.fromkeys(("HEAD", "OPTIONS", "PUT", "DELETE"), (("a request behind 18 KB",), (AT_ONCE, "head, body"))),
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and the requests that follow it on the same connection, each with its expected response. `cut`: a key of CUTS."""

    request: Request
    answer: Expected
    cut: str
    following: tuple[tuple[bytes, Expected], ...]

    @property
    def segments(self) -> list[bytes]:
        """The segments in which the first request is sent."""
        return [segment for segment in CUTS[self.cut](*self.request.parts) if segment]

    @property
    def queries(self) -> int:
        """The number of operations that the gateway executes for this exchange."""
        answers = [self.answer] if self.answer.closes else [self.answer, *(answer for _, answer in self.following)]
        return sum(answer.status == 200 and answer is not ALIVE for answer in answers)


def exchanges(offer: str, framing: str, callers: Callers, proxied: bool = False) -> Iterator[Exchange]:
    """All exchanges whose first request has this offer of an upgrade (a key of OFFERS) and this framing (an item of BODIES).

    `proxied`: whether the exchanges go through nginx.
    """
    bodies = contents(callers.smuggler)
    for method, (names, cuts) in METHODS.items():
        possible = [None] if framing == "no body" else [bodies[name] for name in names]
        for content, cut, has_token, follower in product(possible, cuts, (True, False), FOLLOWERS):
            if content is None and "body" in cut:
                continue
            request = Request(method, OFFERS[offer], framing, content, callers.next() if has_token else None)
            yield Exchange(request, expected(request, proxied), cut, following(follower, callers))


def following(follower: str, callers: Callers) -> tuple[tuple[bytes, Expected], ...]:
    """The requests that follow the first one, with their expected responses. `follower`: an element of FOLLOWERS."""
    if follower == "nothing":
        return ()
    if follower == "a GET":
        return ((LIVEZ, ALIVE),)
    content = contents(callers.smuggler)["a query"]
    offer = OFFERS["Java"] if follower == "another offer" else OFFERS["no offer"]
    request = Request(offer=offer, framing="chunked" if offer.headers else "length", content=content, caller=callers.next())
    return ((request.whole, expected(request)),)


async def run(exchange: Exchange, peer: Peer) -> None:
    """Run an exchange on a new connection. Check that the expected responses arrive in order, and nothing else."""
    first = exchange.answer
    following = [*exchange.following, (LAST, ALIVE)]
    segments = exchange.segments
    async with connected(peer) as connection:
        if exchange.cut == AT_ONCE or first.closes:
            await connection.send(*segments[:-1], segments[-1] + b"".join(request for request, _ in following))
            check(await connection.answer(exchange.request.method), first, exchange)
            for _, answer in [] if first.closes else following:
                check(await connection.answer(), answer, exchange)
        else:
            await connection.send(*segments)
            check(await connection.answer(exchange.request.method), first, exchange)
            for request, answer in following:
                await connection.send(request)
                check(await connection.answer(), answer, exchange)
        assert await connection.remaining() == b"", exchange


def check(answer: Answer, expected: Expected, what: object) -> None:
    """Check that a response is the expected one, and that it contains no data of another caller. `what`: the request, for the failure's message."""
    assert answer.status == expected.status, (answer, what)
    if expected.body is None:
        assert b"workspace-" not in answer.body, (answer, what)
    else:
        assert answer.body == expected.body, (answer, what)
    if expected.closes:
        assert answer.headers["connection"].lower() == "close", (answer, what)
