"""Runs Prometheus with the copies of the rules. It scrapes every gateway that is started."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic

import httpx2

from tests.alerts.rules import SHORT, UNCHANGED, copied
from tests.deploying.recipes import executable
from tests.ledger.process import Process, free_port

HOST = "127.0.0.1"
SCRAPE_SECONDS = 2
CONFIGURATION = f"""
global: {{scrape_interval: {SCRAPE_SECONDS}s, scrape_timeout: {SCRAPE_SECONDS}s, evaluation_interval: 1s}}
rule_files: [unchanged.yml, short.yml]
scrape_configs:
  - job_name: gateway
    file_sd_configs: [{{files: [targets.json], refresh_interval: 1s}}]
"""
POLL_SECONDS = 0.5

Labels = Mapping[str, str]


class Prometheus:
    """A running Prometheus. It reads the metrics of the gateways that are added with `scrape`."""

    def __init__(self, directory: Path, port: int, client: httpx2.AsyncClient) -> None:
        self._targets = directory / "targets.json"
        self._url = f"http://{HOST}:{port}/api/v1"
        self._client = client
        self._ports: set[int] = set()

    def scrape(self, port: int) -> None:
        """Read the metrics of the process at this port from now on."""
        self._ports.add(port)
        self._write()

    def forget(self, port: int) -> None:
        """Read the metrics of the process at this port no more."""
        self._ports.discard(port)
        self._write()

    def _write(self) -> None:
        new = self._targets.with_suffix(".new")
        new.write_text(json.dumps([{"targets": [f"{HOST}:{each}" for each in sorted(self._ports)]}]))
        new.replace(self._targets)

    async def firing(self, alert: str, copy: str, labels: Labels) -> bool:
        """Whether an alert fires with these labels, and perhaps further ones. `copy`: the copy of the rules, UNCHANGED or SHORT."""
        response = (await self._client.get(f"{self._url}/alerts")).json()
        wanted = {"alertname": alert, "copy": copy, **labels}
        return any(each["state"] == "firing" and wanted.items() <= each["labels"].items() for each in response["data"]["alerts"])

    async def until(self, firing: bool, alert: str, copy: str, labels: Labels, seconds: float) -> float:
        """Wait until an alert fires, or, if `firing` is False, until it does not fire. Returns how many seconds that took. Raises: TimeoutError."""
        began = monotonic()
        async with asyncio.timeout(seconds):
            while await self.firing(alert, copy, labels) is not firing:
                await asyncio.sleep(POLL_SECONDS)
        return monotonic() - began


@asynccontextmanager
async def prometheus(directory: Path) -> AsyncIterator[Prometheus]:
    """A context in which Prometheus runs, with its data in the directory."""
    write_configuration(directory)
    port = free_port()
    options = [f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data", f"--web.listen-address={HOST}:{port}"]
    process = Process([executable("prometheus"), *options, "--log.level=warn"], directory / "log")
    process.start()
    async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
        try:
            await answering(f"http://{HOST}:{port}/-/ready", client, lambda: process.id != 0)
            yield Prometheus(directory, port, client)
        finally:
            await process.terminate()


def write_configuration(directory: Path) -> None:
    """Create the directory, and write the configuration, the copies of the rules, and an empty list of processes into it."""
    directory.mkdir()
    for copy in (UNCHANGED, SHORT):
        (directory / f"{copy}.yml").write_text(copied(copy))
    (directory / "prometheus.yml").write_text(CONFIGURATION)
    (directory / "targets.json").write_text("[]")


async def answering(url: str, client: httpx2.AsyncClient, runs: Callable[[], bool]) -> None:
    """Wait until this address answers with 200. Raises: TimeoutError, RuntimeError if the server has ended."""
    async with asyncio.timeout(60):
        while runs():
            with suppress(httpx2.HTTPError):
                if (await client.get(url)).is_success:
                    return
            await asyncio.sleep(0.1)
    raise RuntimeError(f"the server of {url} has ended")
