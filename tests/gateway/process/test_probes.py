"""What the endpoints for operators return, on the port of the API and on a port of their own."""

import asyncio
from pathlib import Path
from time import monotonic

import pytest

import schema
from tests.ledger.process import free_port
from tests.processes.forwarder import forwarding
from tests.serving import Gateway, serving
from tests.wire import GENEROUS_SECONDS

DEPENDENCIES = ("mongodb", "clock", "indexes", "issuer_keys", "feed")


async def test_a_process_that_serves_is_alive_and_ready(shared_gateway: Gateway) -> None:
    alive, ready = await shared_gateway.client.get("/livez"), await shared_gateway.client.get("/readyz")

    assert (alive.status_code, alive.text) == (200, "alive\n")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "troubles": [], "warnings": []})


async def test_the_schema_is_served_with_an_etag(shared_gateway: Gateway) -> None:
    response = await shared_gateway.client.get("/schema.graphql")
    again = await shared_gateway.client.get("/schema.graphql", headers={"if-none-match": response.headers["etag"]})

    assert response.text == (Path(schema.__file__).parent / "schema.graphql").read_text()
    assert response.headers["content-type"].startswith("application/graphql")
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", response.headers["etag"])


@pytest.mark.parametrize(("lines", "status"), [(['"x"', "{}"], 304), (['"x", {}'], 304), (["W/{}"], 304), (["*"], 304), (['"x"'], 200)])
async def test_a_client_may_name_several_tags_of_the_schema(shared_gateway: Gateway, lines: list[str], status: int) -> None:
    tag = (await shared_gateway.client.get("/schema.graphql")).headers["etag"]

    again = await shared_gateway.client.get("/schema.graphql", headers=[("if-none-match", line.format(tag)) for line in lines])

    assert again.status_code == status


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/metrics", "/schema.graphql"])
async def test_each_endpoint_sends_a_request_id_and_refuses_post(shared_gateway: Gateway, path: str) -> None:
    assert (await shared_gateway.client.get(path)).headers["x-request-id"]
    assert (await shared_gateway.client.post(path)).status_code == 405


async def test_healthz_shows_the_state_of_each_dependency(shared_gateway: Gateway) -> None:
    response = await shared_gateway.client.get("/healthz")

    well = {"ok": True, "cause": None}
    expected = {"started": True, "draining": False, "dependencies": dict.fromkeys(DEPENDENCIES, well), "warnings": []}
    assert (response.status_code, response.json()) == (200, expected)


async def up(gateway: Gateway) -> dict[str, float]:
    """The values of gateway_dependency_up, by dependency."""
    prefix = 'gateway_dependency_up{dependency="'
    lines = [line for line in (await gateway.client.get("/metrics")).text.splitlines() if line.startswith(prefix)]
    return {name: float(value) for line in lines for name, value in [line.removeprefix(prefix).split('"} ')]}


async def test_metrics_show_which_dependency_does_not_work(database_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.process.health.PROBE_SECONDS", 0.3)
    monkeypatch.setattr("gateway.process.background.STARTING_SECONDS", 0.05)
    monkeypatch.setattr("gateway.process.background.DEPENDENCY_SECONDS", 0.05)
    async with forwarding(database_uri) as way:
        await way.open()
        async with serving(database_uri.replace(database_uri, way.uri), database_seconds=1) as gateway:
            await becomes_up(gateway, mongodb=1)
            await way.close()

            await becomes_up(gateway, mongodb=0)

            assert set(await up(gateway)) == set(DEPENDENCIES)


async def becomes_up(gateway: Gateway, **expected: float) -> None:
    """Wait until gateway_dependency_up has these values."""
    until = monotonic() + GENEROUS_SECONDS
    while not expected.items() <= (found := await up(gateway)).items():
        assert monotonic() < until, found
        await asyncio.sleep(0.05)


async def test_a_port_for_operators_takes_the_endpoints_from_the_port_of_the_api(database_uri: str) -> None:
    port = free_port()
    async with serving(database_uri, admin_port=port) as gateway:
        paths = ("/livez", "/readyz", "/healthz", "/metrics")
        public = [(await gateway.client.get(path)).status_code for path in (*paths, "/schema.graphql")]
        own = [await gateway.client.get(f"http://127.0.0.1:{port}{path}") for path in (*paths, "/schema.graphql", "/graphql")]

    assert public == [404, 404, 404, 404, 200]
    assert [response.status_code for response in own] == [200, 200, 200, 200, 404, 404]
    assert "gateway_operation_seconds" in own[3].text or "gateway_sockets" in own[3].text
