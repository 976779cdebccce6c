"""Tests of the entrance: its hooks see every request, no matter which path answers it, and middleware that would miss requests can't be added."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Scope

from gateway import application as composition
from gateway.process.metrics import Metrics
from gateway.process.traces import Traces
from gateway.server import Server
from gateway.settings import Settings
from gateway.transports.entrance import Entrance
from gateway.transports.responses import Headers, Response
from tests.company import Company
from tests.serving import Gateway, serving, settings_for_tests
from tests.wire import wired

UNUSED = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=1"


class Counting:
    """Two hooks, one before and one after each request. They record the type and the path of each request, and the status of each response."""

    def __init__(self) -> None:
        self.before: list[tuple[str, str]] = []
        self.after: list[tuple[str, str, int | None]] = []

    def enter(self, scope: Scope) -> Response | None:
        """The hook that records a request before it is answered."""
        self.before.append((scope["type"], scope["path"]))
        return None

    def leave(self, scope: Scope, status: int | None) -> None:
        """The hook that records a request, and the status of its response, after it is answered."""
        self.after.append((scope["type"], scope["path"], status))


@asynccontextmanager
async def counted(uri: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Gateway, Counting]]:
    """A gateway whose entrance also runs the hooks of `Counting`: `enter` before all other hooks, and `leave` after all other hooks."""
    counting, entrance = Counting(), composition.entrance

    def with_counting(settings: Settings, metrics: Metrics, local: bool, traces: Traces | None) -> Entrance:
        original = entrance(settings, metrics, local, traces)
        return Entrance([counting.enter, *original.before], [*original.after, counting.leave], original.headers)

    monkeypatch.setattr(composition, "entrance", with_counting)
    async with serving(uri) as gateway:
        counting.before.clear()
        counting.after.clear()
        yield gateway, counting


async def test_one_hook_sees_every_request_before_and_after_it(database_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    subscription = {"query": "subscription { verificationsUpdated { cursor } }"}
    async with counted(database_uri, monkeypatch) as (gateway, counting):
        bearer = {"authorization": f"Bearer {gateway.token()}"}

        await gateway.query("{ me { subject } }")
        async with gateway.client.stream("POST", "/graphql", json=subscription, headers={**bearer, "accept": "text/event-stream"}) as stream:
            await anext(stream.aiter_lines())
        async with wired(gateway, gateway.token()):
            pass
        assert (await gateway.client.post("/graphql", headers={"origin": "https://evil.example"})).status_code == 403
        assert (await gateway.client.post("/graphql", json={"query": "{ me { subject } }"})).status_code == 401
        assert (await gateway.client.get("/livez")).status_code == 200
        assert (await gateway.client.get("/nothing")).status_code == 404

    expected = [
        ("http", "/graphql", 200),
        ("http", "/graphql", 200),
        ("websocket", "/graphql", 101),
        ("http", "/graphql", 403),
        ("http", "/graphql", 401),
        ("http", "/livez", 200),
        ("http", "/nothing", 404),
    ]
    assert counting.before == [(type, path) for type, path, _ in expected]
    # The order may differ here: the gateway may notice that a stream or socket has ended only after it has answered later requests.
    assert sorted(counting.after, key=str) == sorted(expected, key=str)


async def test_responses_are_counted_by_their_status(shared_gateway: Gateway, company: Company) -> None:
    async def count(status: str) -> float:
        text = (await shared_gateway.client.get("/metrics")).text
        values = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f'gateway_responses_total{{status="{status}"}}')]
        return float(values[0]) if values else 0.0

    before = {status: await count(status) for status in ("200", "401", "404")}
    await company.created()
    await shared_gateway.client.post("/graphql", json={"query": "{ me { subject } }"})
    await shared_gateway.client.get("/nothing")

    # Reading the metrics is a request too: the three readings for `before` are counted with status 200.
    assert [await count(status) - before[status] for status in ("200", "401", "404")] == [1 + 3, 1, 1]


async def test_a_middleware_cannot_be_added_to_the_application() -> None:
    app = composition.application(settings_for_tests(UNUSED, 8000))

    with pytest.raises(TypeError, match="add a hook to the Entrance"):
        app.add_middleware(CORSMiddleware, allow_origins=["*"])


async def test_a_middleware_cannot_be_put_around_the_application() -> None:
    app = composition.application(settings_for_tests(UNUSED, 8000))

    with pytest.raises(TypeError, match="would miss the requests of the fast path"):
        Server(CORSMiddleware(app, allow_origins=["*"]))  # type: ignore[arg-type]


async def test_the_first_hook_that_returns_a_response_refuses_the_request() -> None:
    counting = Counting()
    refused = Response(403, [], b"")
    entrance = Entrance([lambda scope: refused, counting.enter], [], Headers(https=False))

    assert entrance.enter({"type": "http", "path": "/"}) is refused
    assert counting.before == []
