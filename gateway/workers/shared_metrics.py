"""One response with the metrics of all workers, whichever of them receives the request.

Each worker offers its metrics at a Unix socket in a directory that only the workers share. The worker that receives a request reads those of the
others. Every sample gets the label `worker`, so no value is added up here: whether a sum or a maximum is right depends on the metric.
"""

import asyncio
import os
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

# How long a worker waits for the metrics of another one. A worker that takes longer is reported as down.
SIBLING_SECONDS = 2.0
WORKER_UP = "gateway_worker_up"


class SharedMetrics:
    """Offers the metrics of this worker to the others, and reads theirs.

    `directory`: the directory of the Unix sockets. `number`: the number of this worker, from 1 to `count`.
    """

    def __init__(self, directory: Path, number: int, count: int) -> None:
        self._directory = directory
        self._number = number
        self._count = count

    @asynccontextmanager
    async def offered(self, exposition: Callable[[], bytes]) -> AsyncIterator[None]:
        """A context in which the other workers can read the metrics of this one. `exposition`: returns them in Prometheus's text format."""

        async def answer(reader: StreamReader, writer: StreamWriter) -> None:
            writer.write(exposition())
            writer.close()

        bound = self._directory / f"{self._number}.{os.getpid()}"
        async with await asyncio.start_unix_server(answer, bound):
            # If this worker replaces another one, its socket replaces the other worker's socket. Renaming is atomic, so there is a socket at all
            # times.
            bound.rename(self._directory / str(self._number))
            yield

    async def combined(self, own: bytes) -> bytes:
        """The metrics of all workers, in Prometheus's text format. `own`: the metrics of this worker."""
        others = [number for number in range(1, self._count + 1) if number != self._number]
        read = await asyncio.gather(*map(self._read, others))
        return merged_expositions({self._number: own, **dict(zip(others, read, strict=True))})

    async def _read(self, number: int) -> bytes | None:
        """The metrics of another worker; None if it does not answer."""
        try:
            async with asyncio.timeout(SIBLING_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self._directory / str(number))
                try:
                    return await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return None


def merged_expositions(expositions: Mapping[int, bytes | None]) -> bytes:
    """The metrics of several workers as one text in Prometheus's format: each family of metrics once, each sample with the label `worker`.

    `expositions`: the metrics of each worker, by its number. None if the worker does not answer; the gauge gateway_worker_up then shows 0.
    """
    headers: dict[str, list[str]] = {WORKER_UP: [f"# HELP {WORKER_UP} Whether the worker answers", f"# TYPE {WORKER_UP} gauge"]}
    samples = {WORKER_UP: [f'{WORKER_UP}{{worker="{number}"}} {int(text is not None)}' for number, text in sorted(expositions.items())]}
    for number, text in sorted(expositions.items()):
        family = ""
        for line in (text or b"").decode().splitlines():
            if line.startswith("#"):
                family = line.split(" ")[2]
                if line not in headers.setdefault(family, []):
                    headers[family].append(line)
            else:
                samples.setdefault(family, []).append(labelled(line, number))
    return "\n".join(line for family in headers for line in [*headers[family], *samples.get(family, [])]).encode() + b"\n"


def labelled(sample: str, worker: int) -> str:
    """A sample with a further label, the number of its worker. `sample`: a line such as `name{label="value"} 1.0` or `name 1.0`."""
    name, has_labels, labels = sample.partition("{")
    if has_labels:
        return f'{name}{{worker="{worker}",{labels}'
    name, _, value = sample.partition(" ")
    return f'{name}{{worker="{worker}"}} {value}'
