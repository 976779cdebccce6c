"""The faults of the drill. Each is injected and healed by a function, which returns when the deployment is whole again."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.ledger.cluster import Cluster
from tests.ledger.gateways import Gateway

AWAY_SECONDS = 12.0
PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault. `loses_requests`: whether the first attempt of a request may fail, because a gateway is killed while it executes the request."""

    name: str
    loses_requests: bool
    inject: Callable[[Cluster, Sequence[Gateway]], Awaitable[None]]


async def restarted_one_after_the_other(cluster: Cluster, gateways: Sequence[Gateway]) -> None:
    for gateway in gateways:
        await gateway.process.terminate()
        gateway.process.start()
        await gateway.ready()
        await asyncio.sleep(PAUSE_SECONDS)


async def gateway_restarted(cluster: Cluster, gateways: Sequence[Gateway]) -> None:
    await restarted_one_after_the_other(cluster, gateways[:1])


async def gateway_killed(cluster: Cluster, gateways: Sequence[Gateway]) -> None:
    await gateways[0].process.kill()
    await asyncio.sleep(PAUSE_SECONDS)
    gateways[0].process.start()
    await gateways[0].ready()


async def primary_stopped(cluster: Cluster, gateways: Sequence[Gateway]) -> None:
    await primary_ended(cluster, signal.SIGTERM)


async def primary_killed(cluster: Cluster, gateways: Sequence[Gateway]) -> None:
    await primary_ended(cluster, signal.SIGKILL)


async def primary_ended(cluster: Cluster, number: signal.Signals) -> None:
    primary = await cluster.elected()
    primary.process.send(number)
    await primary.process.ended()
    await asyncio.sleep(PAUSE_SECONDS)
    primary.process.start()
    await cluster.whole()


async def all_members_away(cluster: Cluster, gateways: Sequence[Gateway]) -> None:
    for member in cluster.members:
        member.process.send(signal.SIGKILL)
    await asyncio.sleep(AWAY_SECONDS)
    for member in cluster.members:
        await member.process.ended()
        member.process.start()
    await cluster.whole()


# Restarts only the first gateway. The short drill uses this fault instead of the rolling restart.
GATEWAY_RESTARTED = Fault("gateway restarted", False, gateway_restarted)
PRIMARY_KILLED = Fault("primary killed", False, primary_killed)
FAULTS = (
    Fault("rolling restart of the gateways", False, restarted_one_after_the_other),
    Fault("gateway killed", True, gateway_killed),
    Fault("primary stopped", False, primary_stopped),
    PRIMARY_KILLED,
    Fault("all members of MongoDB away for 12 s", False, all_members_away),
)
