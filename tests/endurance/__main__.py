"""Runs a gateway with everything turned on, and reports which figures rise. See docs/reliability.md.

python -m tests.endurance --minutes 30
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import strftime
from urllib.parse import urlsplit, urlunsplit

import uvloop

from bench.machine import described
from gateway.development.mongod import EmbeddedMongo
from tests.endurance.drawing import picture_of
from tests.endurance.planted import LEAKS
from tests.endurance.run import Endurance, Endured, endured


def main() -> int:
    """Run the gateway, print the verdicts, and save the samples and the picture. Returns the exit code: 1 if something failed, or a figure rises."""
    parser = argparse.ArgumentParser(prog="tests.endurance", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long the gateway is under load")
    parser.add_argument("--per-second", type=float, default=2.0, help="how many verifications are created in a second")
    parser.add_argument("--sample-seconds", type=float, default=15.0, help="how often samples are taken")
    parser.add_argument("--planted", choices=sorted(LEAKS), help="start the gateway with this leak, which the run must find")
    parser.add_argument("--output", type=Path, help="the directory for endurance.json and endurance.svg; by default, that of the logs")
    arguments = vars(parser.parse_args())
    output = arguments.pop("output")
    directory = Path(tempfile.mkdtemp(prefix="endurance-"))
    with EmbeddedMongo(directory / "mongo") as mongo:
        uri = urlunsplit(urlsplit(mongo.uri)._replace(path="/endurance"))
        result = uvloop.run(endured(Endurance(**arguments), uri, directory, lambda line: print(strftime("%H:%M:%S"), line, flush=True)))
    for line in table(result):
        print(line)
    save(result, output or directory)
    print(f"all logs are in {directory}; samples and picture are in {output or directory}")
    return 0 if result.kept else 1


def table(result: Endured) -> Iterator[str]:
    """The verdicts as a table in Markdown, then what was done and what failed."""
    yield "| figure | of | median | rises by | allowed | |"
    yield "|---|---|---:|---:|---:|---|"
    for each in result.verdicts:
        unit = f" {each.flat.unit}" if each.flat.unit else ""
        kept = "flat" if each.kept else "**rises**"
        yield f"| {each.flat.title} | {each.name} | {each.median:.1f}{unit} | {each.rise:+.2f}{unit} | {each.allowed:.2f}{unit} | {kept} |"
    yield f"done: {dict(result.counted)}"
    yield f"failed: {dict(result.failed)}"


def save(result: Endured, output: Path) -> None:
    """Write the samples and the picture of a run into a directory."""
    output.mkdir(parents=True, exist_ok=True)
    rounded = {
        figure: {name: [(round(at, 1), round(value, 2)) for at, value in samples] for name, samples in series.items()}
        for figure, series in result.figures.items()
    }
    content = {"machine": described(), "minutes": result.minutes, "counted": dict(sorted(result.counted.items())), "figures": rounded}
    (output / "endurance.json").write_text(json.dumps(content) + "\n")
    (output / "endurance.svg").write_text(picture_of(content))


if __name__ == "__main__":
    sys.exit(main())
