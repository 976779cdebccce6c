"""Checks that the lock files match pyproject.toml. Uses no network, so that it can run before every commit."""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
PIN = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>\S+)[^\n]* \\\n"
    r"(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+"
    r"(?P<sources>(?:    #.*\n)+)",
    re.MULTILINE,
)


def main() -> None:
    pyproject = tomllib.loads((HERE.parent / "pyproject.toml").read_text())
    groups = pyproject["dependency-groups"]
    runtime = pyproject["project"]["dependencies"]
    embedded = pyproject["project"]["optional-dependencies"]["embedded"]
    tracing = pyproject["project"]["optional-dependencies"]["otel"]
    development = [entry for entry in groups["dev"] if isinstance(entry, str)]

    found = [
        *faults("build.lock", groups["build"]),
        *faults("runtime.lock", [*runtime, *tracing]),
        *faults("dev.lock", [*runtime, *embedded, *tracing, *groups["build"], *development]),
        *faults("bench.lock", groups["bench"]),
        *differences("build.lock", "dev.lock"),
        *differences("runtime.lock", "dev.lock"),
        # The packages that only the benchmark's peers require are in bench.lock alone.
        *differences("bench.lock", "dev.lock", but=groups["bench"]),
    ]
    if found:
        sys.exit("\n".join([*found, "The locks don't match pyproject.toml: run `make lock`."]))


def faults(lock: str, requirements: list[str]) -> Iterator[str]:
    """Messages about a lock file.

    They report requirements that are missing in it, pins to a version that a requirement does not allow, pins that are no longer required, and lines
    that are not pins with hashes.
    """
    versions = pins(lock)
    required = {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, requirements)}
    for name, requirement in required.items():
        if name not in versions:
            yield f"{lock}: {requirement} is missing"
        elif not requirement.specifier.contains(versions[name], prereleases=True):
            yield f"{lock}: {name} is {versions[name]}, but {requirement} is required"

    text = (HERE / lock).read_text()
    for pin in PIN.finditer(text):
        if "verification-gateway (" in pin["sources"] and pin["name"] not in required:
            yield f"{lock}: {pin['name']} is not required any more"
    # Apart from pins with hashes, a lock file must contain only comments. Any other line would be a pin without hashes, or the address of a registry.
    for line in PIN.sub("", text).splitlines():
        if not line.startswith("#"):
            yield f"{lock}: not a pin with hashes: {line}"


def differences(part: str, whole: str, but: Iterable[str] = ()) -> Iterator[str]:
    """Messages about packages whose versions differ between two lock files. The tests would then use other versions than production.

    The packages required by `but` are not compared.
    """
    versions, skipped = pins(whole), {canonicalize_name(Requirement(requirement).name) for requirement in but}
    for name, version in pins(part).items():
        if name not in skipped and versions.get(name) != version:
            yield f"{part}: {name} is {version}, in {whole} it is {versions.get(name, 'missing')}"


def pins(lock: str) -> dict[str, str]:
    """The version of each package that a lock file pins."""
    return {pin["name"]: pin["version"] for pin in PIN.finditer((HERE / lock).read_text())}


if __name__ == "__main__":
    main()
