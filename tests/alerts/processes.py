"""Scenarios of one process: its death, its event loop, its connections, its logs, its code, and the way to MongoDB."""

import asyncio
import shutil
import signal
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

from tests.alerts.prometheus import Labels
from tests.alerts.scenario import scenario
from tests.alerts.stage import READ, Stage, repeated, token
from tests.ledger.connections import socket
from tests.ledger.proxy import Mode

STOPPED_SECONDS, RUNNING_SECONDS = 0.6, 0.4
DELAY_SECONDS = 1.2
SOCKETS = 10
STATISTICS = "query { answer: verificationStats { total } }"


@scenario("GatewayDown", fault="kill -9 of the process", remedy="`gateway check` finds no problem; started again")
async def killed(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Kill a gateway. Then check its settings with `gateway check`, and start it again."""
    gateway = await stage.start("victim", stage.uri("victim"))
    await asyncio.sleep(2)
    await gateway.process.kill()
    yield gateway.labels
    status, output = await stage.command(gateway, "check")
    assert status == 0, output
    gateway.process.start()
    await gateway.ready()


@scenario("EventLoopBlocked", fault="the process gets no processor time (SIGSTOP for 0.6 of every second)", remedy="processor time")
async def starved(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Stop the process for a part of every second, as if it got no processor time. Then let it run."""
    gateway = stage.gateways["plain"]

    async def starve() -> None:
        gateway.process.send(signal.SIGSTOP)
        await asyncio.sleep(STOPPED_SECONDS)
        gateway.process.send(signal.SIGCONT)
        await asyncio.sleep(RUNNING_SECONDS)

    try:
        async with repeated(starve):
            yield gateway.labels
    finally:
        gateway.process.send(signal.SIGCONT)


@scenario("FeedBehind", "OperationsSlow", fault="1.2 s of delay to MongoDB, in each direction", remedy="the delay ends")
async def slow_network(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Delay everything between a gateway and MongoDB. Then end the delay."""
    gateway = stage.gateways["plain"]
    async with repeated(gateway.read_regularly):
        await stage.network.become("mongo", Mode.DELAY, DELAY_SECONDS)
        try:
            yield {}
        finally:
            await stage.network.become("mongo", Mode.PASS)
        # Queries must go on after the fault. Without them, the quantile of their times would be undefined, and the alert would end for that reason.
        await asyncio.sleep(30)


@scenario("ConnectionsNearLimit", fault="ten sockets with GATEWAY_MAX_SOCKETS=10", remedy="step 2: GATEWAY_MAX_SOCKETS raised; the sockets are back")
async def many_sockets(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Open as many sockets as the gateway allows. Then raise the limit and open them again."""
    gateway = stage.gateways["plain"]
    await gateway.restart(GATEWAY_MAX_SOCKETS=str(SOCKETS))
    async with AsyncExitStack() as sockets:
        for _ in range(SOCKETS):
            await sockets.enter_async_context(socket(gateway.url, token(), slow=False))
        yield gateway.labels
        await gateway.restart(GATEWAY_MAX_SOCKETS="1000")
        for _ in range(SOCKETS):
            await sockets.enter_async_context(socket(gateway.url, token(), slow=False))


@scenario("AuditLogFails", fault="the directory of the audit log is removed", remedy="step 1: the directory is back; the next line is written")
async def no_audit_log(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Remove the directory of the audit log, so that the log can't be written. Then make the directory again."""
    gateway, directory = stage.gateways["plain"], stage.directory / "audit"
    id = (await gateway.created())[0]
    await asyncio.sleep(5)  # Prometheus must read the counter once before it grows, or it sees no increase.
    shutil.rmtree(directory)
    try:
        await gateway.execute(READ, id=id)
        yield gateway.labels
    finally:
        directory.mkdir()
    await gateway.execute(READ, id=id)
    assert id in (directory / "audit.log").read_text()


@scenario("InternalErrors", fault="a release with a bug: statistics raise an exception", remedy="step 1: back to the release without it")
async def bug(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Start a gateway with a planted bug, as if a new release had it. Then end this gateway."""
    gateway = await stage.start("new-release", stage.uri("plain"), module="tests.alerts.planted")
    # Prometheus must read the counter once before it grows, or it sees no increase. The first query makes the counter appear.
    await gateway.post(STATISTICS)
    await asyncio.sleep(5)
    answer = await gateway.post(STATISTICS)
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    yield gateway.labels
    await gateway.process.terminate()
    stage.prometheus.forget(gateway.port)
    assert (await stage.gateways["plain"].post(STATISTICS))["data"]["answer"]["total"] >= 0


SCENARIOS = (killed, slow_network, starved, no_audit_log, many_sockets, bug)
