"""Sends faulty requests through nginx and HAProxy, and checks that each proxy and the gateway see the same requests.

python -m tests.smuggle --seed 7 --streams 100000
"""

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

import uvloop

from gateway.development.mongod import EmbeddedMongo
from tests.smuggle.comparison import by_stream
from tests.smuggle.gateway import FAULTS
from tests.smuggle.proxies import PROXIES, Proxy
from tests.smuggle.run import through
from tests.smuggle.streams import stream

MAX_SHOWN = 5


def main() -> int:
    """Run the command, and print the results. Returns the exit status: 1 if a proxy and the gateway disagree, 2 if a proxy is missing."""
    parser = argparse.ArgumentParser(prog="tests.smuggle", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="the same seed sends the same streams")
    parser.add_argument("--streams", type=int, default=100_000, help="how many streams to send through each proxy")
    parser.add_argument("--only", type=int, action="append", help="only the stream with this index; may be repeated")
    parser.add_argument("--proxy", choices=[proxy.name for proxy in PROXIES], help="only through this proxy")
    parser.add_argument("--planted", choices=sorted(FAULTS), help="a fault to build into the gateway, which the run must find")
    options = parser.parse_args()
    chosen = [proxy for proxy in PROXIES if options.proxy in (None, proxy.name)]
    for proxy in chosen:
        if proxy.path is None:
            print(f"{proxy.name} is missing; on Debian: apt-get install nginx-light haproxy", file=sys.stderr)
            return 2
    directory = Path(tempfile.mkdtemp(prefix="smuggle-"))
    with EmbeddedMongo(directory / "mongo") as mongo:
        disagreed = [uvloop.run(report(proxy, directory, mongo.uri, options)) for proxy in chosen]
    if any(disagreed):
        print(f"the logs are in {directory}")
    else:
        shutil.rmtree(directory)
    return int(any(disagreed))


async def report(proxy: Proxy, directory: Path, mongo_uri: str, options: argparse.Namespace) -> bool:
    """Send the streams through one proxy, and print the result. Returns whether the proxy and the gateway disagree."""
    (directory / proxy.name).mkdir()
    indices = options.only or range(options.streams)
    result, seconds = await through(proxy, directory / proxy.name, mongo_uri, options.seed, indices, options.planted)
    streams = by_stream(result.disagreements)
    print(
        f"{proxy.name}: {len(indices):,} streams in {seconds:.0f} s ({len(indices) / seconds:.0f} a second)\n"
        f"  proxy:    {result.forwarded:>9,} requests forwarded, {result.refused_by_proxy:>9,} refused\n"
        f"  gateway:  {result.parsed:>9,} requests parsed,    {result.refused_by_gateway:>9,} refused\n"
        f"  streams with disagreements: {len(streams):,}",
        flush=True,
    )
    for index, what in sorted(streams.items())[:MAX_SHOWN]:
        print(f"\n  seed {options.seed}, stream {index}: " + "; ".join(what))
        for segment in stream(options.seed, index) if index >= 0 else ():
            print(f"    {shown(segment)}")
    return bool(streams)


def shown(segment: bytes) -> str:
    """The bytes of a segment as a Python expression, for the report. A long row of empty lines is shortened to a product."""
    return re.sub(r"(?:\\r\\n){9,}", lambda found: f"' + {len(found[0]) // 4} * b'\\r\\n' + b'", repr(segment))


if __name__ == "__main__":
    sys.exit(main())
