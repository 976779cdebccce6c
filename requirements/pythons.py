"""`make pythons`: runs the tests with each supported release of Python that is installed, in an environment of its own.

Arguments are those of pytest. Exits with 1 if the tests fail with one of the releases, or if none is installed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent
UV = Path(sys.executable).parent / "uv"
RELEASES = ("3.11", "3.12", "3.13", "3.14")
# The folder of the environments. They are kept for the next run, because using an environment again is quicker than making a new one.
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
    interpreter = installed(release)
    if not interpreter:
        return "not installed"
    environment = ENVIRONMENTS / release
    python = environment / "bin" / "python"
    print(f"installing what the project needs for Python {release}", flush=True)
    commands: list[list[str | Path]] = [
        ["venv", "--quiet", "--allow-existing", "--python", interpreter, environment],
        ["pip", "install", "--quiet", "--python", python, "--require-hashes", "--requirement", PROJECT / "requirements" / "dev.lock"],
        ["pip", "install", "--quiet", "--python", python, "--no-deps", "--no-build-isolation", "--editable", PROJECT],
    ]
    for command in commands:
        if subprocess.run([UV, *command]).returncode:
            return "could not be installed"
    workers = str((os.cpu_count() or 1) + 1)
    pytest: list[str | Path] = [
        python,
        "-m",
        "pytest",
        "--quiet",
        "--numprocesses",
        workers,
        "--dist",
        "loadscope",
        "--no-loadscope-reorder",
        *arguments,
    ]
    # If a test runs this script, its environment has variables of that test's pytest. They would confuse the pytest that is started here.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return "passed" if subprocess.run(pytest, cwd=PROJECT, env=variables).returncode == 0 else "failed"


def installed(release: str) -> Path | None:
    """The interpreter of a release: the one on PATH, or one of pyenv. None if there is none that starts."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    on_path = shutil.which(f"python{release}")
    for candidate in [*([Path(on_path)] if on_path else []), *sorted(pyenv.glob(f"versions/{release}.*/bin/python"))]:
        command: list[str | Path] = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        # A shim of pyenv is on PATH also if its release is not selected, and then fails.
        if subprocess.run(command, capture_output=True, text=True).stdout.strip() == release:
            return candidate
    return None


if __name__ == "__main__":
    main()
