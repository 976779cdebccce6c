"""Plays all scenarios, in several lanes. The scenarios of a lane run one after the other. The lanes run at the same time, on different gateways."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx2
from pymongo import AsyncMongoClient

from gateway.development.mongod import EmbeddedMongo
from tests.alerts import data, issuing, processes, providing
from tests.alerts.prometheus import prometheus
from tests.alerts.rules import SHORT, UNCHANGED, alerts
from tests.alerts.scenario import Scenario
from tests.alerts.stage import Stage
from tests.fakes.receiver import receiving
from tests.fakes.yousign import fake_yousign
from tests.ledger import cluster
from tests.ledger.proxy import Proxies
from tests.ledger.run import proxies

LANES: tuple[tuple[Scenario, ...], ...] = (
    (issuing.unreachable,),
    providing.SCENARIOS,
    processes.SCENARIOS,
    data.ON_THE_CLUSTER,
    data.ON_ONE_MEMBER,
    (providing.stuck, issuing.rotated),
)
RESOLVED_SECONDS = 300.0
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Played:
    """The result for one alert of a scenario: after how many seconds it fired, and how many seconds after the steps of the runbook it was resolved.

    `resolved_in`: the copy of the rules in which it was resolved. `failure`: what went wrong; None if all went well.
    """

    alert: str
    scenario: Scenario
    fired_seconds: float | None = None
    resolved_seconds: float | None = None
    resolved_in: str = ""
    failure: str | None = None


async def play_all(directory: Path, only: Sequence[str], report: Report) -> list[Played]:
    """Play the scenarios of the alerts that `only` names, or all if it is empty. Returns one result for each alert. `report`: prints a line."""
    async with staged(directory) as stage:
        lanes = await asyncio.gather(*(play_lane(stage, lane, only, report) for lane in LANES))
    return [played for lane in lanes for played in lane]


async def play_lane(stage: Stage, lane: Sequence[Scenario], only: Sequence[str], report: Report) -> list[Played]:
    """Play scenarios one after the other."""
    results: list[Played] = []
    for scenario in lane:
        if only and not {*only} & {*scenario.alerts}:
            continue
        for played in await play(stage, scenario, report):
            report(f"{played.alert}: {described(played)}")
            results.append(played)
    return results


async def play(stage: Stage, scenario: Scenario, report: Report) -> list[Played]:
    """Play a scenario: the fault, until its alerts fire in both copies of the rules; then the steps of the runbook, until they are resolved."""
    playing, fired = scenario.play(stage), dict[str, float]()
    try:
        report(f"{', '.join(scenario.alerts)}: {scenario.fault}")
        labels = await anext(playing)
        began = monotonic()
        for alert in scenario.alerts:
            for copy in (UNCHANGED, SHORT):
                await stage.prometheus.until(True, alert, copy, labels, scenario.seconds)
            fired[alert] = monotonic() - began
        resolving = asyncio.create_task(resolved(stage, scenario, labels))
        try:
            await anext(playing, None)
            found = await resolving
        finally:
            resolving.cancel()
    except Exception as error:
        await playing.aclose()
        failure = f"{type(error).__name__} {error}".strip()[:2000]
        return [Played(alert, scenario, fired.get(alert), failure=failure) for alert in scenario.alerts]
    return [Played(alert, scenario, fired[alert], found[alert], copy_of_resolution(alert)) for alert in scenario.alerts]


async def resolved(stage: Stage, scenario: Scenario, labels: Any) -> dict[str, float]:
    """Wait until all alerts of a scenario are resolved. Returns the seconds that each alert took."""
    began, found = monotonic(), {}
    for alert in scenario.alerts:
        await stage.prometheus.until(False, alert, copy_of_resolution(alert), labels, RESOLVED_SECONDS)
        found[alert] = monotonic() - began
    return found


def copy_of_resolution(alert: str) -> str:
    """The copy of the rules in which an alert is resolved soon after the runbook was followed."""
    return SHORT if alerts()[alert].has_window else UNCHANGED


def described(played: Played) -> str:
    """The result of an alert in words."""
    if played.failure:
        return f"FAILED: {played.failure}"
    return f"fired after {played.fired_seconds:.0f} s, resolved after {played.resolved_seconds:.0f} s"


def missing() -> set[str]:
    """The alerts that no scenario makes fire."""
    return alerts().keys() - {alert for lane in LANES for scenario in lane for alert in scenario.alerts}


@asynccontextmanager
async def staged(directory: Path) -> AsyncIterator[Stage]:
    """A context with everything that the scenarios share."""
    async with AsyncExitStack() as stack:
        mongo = stack.enter_context(EmbeddedMongo(directory / "mongo"))
        network = stack.enter_context(Proxies({"mongo": urlsplit(mongo.uri).port or 0}))
        members = await stack.enter_async_context(cluster.running(directory, stack.enter_context(proxies())))
        await members.authorize("alerts")
        stage = Stage(
            directory,
            await stack.enter_async_context(prometheus(directory / "prometheus")),
            await stack.enter_async_context(httpx2.AsyncClient(trust_env=False, timeout=60)),
            await stack.enter_async_context(AsyncMongoClient(mongo.uri, tz_aware=True)),
            mongo.uri,
            members,
            network,
            await stack.enter_async_context(fake_yousign()),
            await stack.enter_async_context(receiving()),
        )
        stack.push_async_callback(stage.end)
        await start_gateways(stage)
        yield stage


async def start_gateways(stage: Stage) -> None:
    """Start the gateways that several scenarios share. They are in `Stage.gateways`."""
    (stage.directory / "audit").mkdir()
    audit_log = str(stage.directory / "audit" / "audit.log")
    await asyncio.gather(
        stage.start("plain", stage.uri("plain", stage.network.ports["mongo"]), GATEWAY_AUDIT_LOG=audit_log),
        stage.start("data", stage.uri("data")),
        stage.start("trusting", stage.uri("trusting")),
        stage.start("provided", stage.uri("provided"), GATEWAY_PROVIDERS_FILE=str(stage.sections())),
        stage.start("clustered", stage.cluster.uri("alerts"), GATEWAY_DATABASE_SECONDS="3", GATEWAY_REQUEST_SECONDS="5"),
    )
