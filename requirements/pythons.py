"""`make pythons`: runs the tests with each supported release of Python that is installed, in an environment of its own.

Arguments are those of pytest. Exits with 1 if the tests fail with one of the releases, or if none is installed.
"""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent
UV = Path(sys.executable).parent / "uv"
RELEASES = ("3.11", "3.12", "3.13", "3.14")
# Environments of uv are quick to make again, but not as quick as to use them again.
ENVIRONMENTS = PROJECT / ".pythons"


def main() -> None:
    """Run the tests with each release, and print a table of the results."""
    results = {release: tested(release, sys.argv[1:]) for release in RELEASES}
    for release, result in results.items():
        print(f"Python {release}: {result}")
    if not set(results.values()) <= {"passed", "not installed"} or "passed" not in results.values():
        sys.exit(1)


def tested(release: str, arguments: list[str]) -> str:
    """Run the tests with a release of Python. Returns the result in words."""
    found = subprocess.run([UV, "python", "find", "--no-python-downloads", "--no-project", release], capture_output=True, text=True)
    if found.returncode:
        return "not installed"
    environment = ENVIRONMENTS / release
    python = environment / "bin" / "python"
    print(f"installing what the project needs for Python {release}", flush=True)
    for command in (
        ["venv", "--quiet", "--allow-existing", "--python", found.stdout.strip(), environment],
        ["pip", "install", "--quiet", "--python", python, "--require-hashes", "--requirement", PROJECT / "requirements" / "dev.lock"],
        ["pip", "install", "--quiet", "--python", python, "--no-deps", "--no-build-isolation", "--editable", PROJECT],
    ):
        if subprocess.run([UV, *command]).returncode:
            return "could not be installed"
    workers = str((os.cpu_count() or 1) + 1)
    pytest = [python, "-m", "pytest", "--quiet", "--numprocesses", workers, "--dist", "loadscope", "--no-loadscope-reorder", *arguments]
    return "passed" if subprocess.run(pytest, cwd=PROJECT).returncode == 0 else "failed"


if __name__ == "__main__":
    main()
