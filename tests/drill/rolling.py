"""A rolling restart of two gateways behind a proxy, while thousands of clients follow one verification each."""

import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from bench.dataset import database, insert, prepare
from bench.machinery import percentile
from store.documents import encode
from store.indexes import VERIFICATIONS
from tests.deploying.recipes import proxy
from tests.drill.crowds import Crowds, crowds
from tests.drill.run import WITHOUT_TLS, certificate
from tests.drill.storm import StormOutcome, StormPlan, Verifications, assignments, followed, missing, storm_findings
from tests.ledger.gateways import NAMES, Gateway
from tests.ledger.process import Process, free_port
from tests.ledger.proxy import HOST
from tests.processes.service import settings_at
from tests.storing import DATA_KEYS

# The default of the container image.
DRAIN_DELAY_SECONDS = "5"


async def rolling_restart(plan: StormPlan, proxy_name: str, mongo_uri: str, directory: Path, report: Callable[[str], None]) -> StormOutcome:
    """Restart both gateways one after the other. Before each restart, all clients follow. Returns the figures and the findings."""
    states, outcome = followed(plan), StormOutcome()
    ports = free_port(), free_port()
    gateways = [behind_proxy(name, port, mongo_uri, directory) for name, port in zip(NAMES, ports, strict=True)]
    recipe = WITHOUT_TLS[proxy_name] | certificate(proxy_name, directory)
    with database(mongo_uri) as target:
        prepare(target)
        insert(target[VERIFICATIONS], (encode(state, DATA_KEYS) for state in states))
        stored = Verifications(target, states)
        try:
            for gateway in gateways:
                gateway.process.start()
                await gateway.ready()
            async with (
                proxy(proxy_name, directory, ports, recipe, connections=3 * plan.sockets) as front,
                crowds((HOST, front.port), assignments(plan, states), plan.processes, plan.at_once) as clients,
            ):
                await clients.until_following(plan.sockets, plan.patience_seconds)
                report(f"{plan.sockets:,} clients follow through {proxy_name}")
                for gateway in gateways:
                    await restarted(plan, gateway, clients, stored, outcome)
                    report(f"{gateway.name} is restarted, and all follow")
        finally:
            for gateway in gateways:
                await gateway.process.kill()
    return outcome


async def restarted(plan: StormPlan, gateway: Gateway, clients: Crowds, stored: Verifications, outcome: StormOutcome) -> None:
    """Restart a gateway, wait until all clients follow, and change every verification. Measures when the last client was back."""
    stopped_at = monotonic()
    await gateway.process.terminate()
    gateway.process.start()
    await gateway.ready()
    ready_at = monotonic()
    await clients.until_following(plan.sockets, plan.patience_seconds)
    records, _ = await clients.records()
    moved = [record.back_at - stopped_at for record in records if record.back_at > stopped_at] or [0.0]
    await stored.change()
    await clients.until_at(stored.versions, plan.patience_seconds)
    changed, _ = await clients.records()
    late = [record.arrived_at - stored.written_at[record.id] for record in changed]
    outcome.figures |= {
        f"{gateway.name}_ready_seconds": ready_at - stopped_at,
        f"{gateway.name}_clients_that_moved": len(moved),
        f"{gateway.name}_storm_seconds": max(moved),
        f"{gateway.name}_lateness_p99_ms": percentile(late, 0.99) * 1000,
    }
    found = [*storm_findings(records, stopped_at, of_all=False), *missing(changed, stored.states)]
    outcome.findings += [f"{gateway.name}: {finding}" for finding in found]


def behind_proxy(name: str, port: int, mongo_uri: str, directory: Path) -> Gateway:
    """A gateway that is not started yet, with the default limits and the settings that a proxy needs."""
    changed = {"GATEWAY_MONGO_URI": mongo_uri, "GATEWAY_DRAIN_DELAY_SECONDS": DRAIN_DELAY_SECONDS, "GATEWAY_TRUSTED_PROXIES": HOST}
    return Gateway(name, port, port, Process([sys.executable, "-m", "gateway", "serve"], directory / f"{name}.log", settings_at(port) | changed))
