"""Runs an embedded mongod for `gateway dev` and the tests. It is a replica set with one member, since change streams need a replica set."""

import fcntl
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from store.deployment.bootstrap import HOST, REPLICA_SET, NotPrimary, become_primary

MIN_VERSION = (6, 0)
START_SECONDS = 60
STOP_SECONDS = 10
PORTS_TO_TRY = 4

# mongod logs this text once the port is bound, and exits with code 48 (EXIT_NET_ERROR) if the port is taken. Source: mongod's source code.
LISTENING = b"Waiting for connections"
PORT_TAKEN = 48

# A Python program that replaces itself with mongod. It first sets the parent-death signal (prctl's option 1 is PR_SET_PDEATHSIG), so that mongod
# ends with the gateway, even if the gateway is killed. A `preexec_fn` could set the signal too, but isn't safe in a process with threads. If the
# gateway died before the signal was set, no signal comes any more. So the program then checks that its parent is still the gateway.
LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, ctypes.c_ulong(signal.SIGTERM))
if os.getppid() != int(sys.argv[1]):
    sys.exit("the gateway is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class EmbeddedError(Exception):
    """The embedded mongod could not be started. The message is for the user of the command."""


class MongodMissing(EmbeddedError):
    """No mongod is installed."""

    def __init__(self) -> None:
        super().__init__(
            "no mongod was found: install the extra `embedded` (pip install 'verification-gateway[embedded]'), "
            "put a mongod >= 6.0 on PATH, or pass --mongo-uri"
        )


class MongodUnusable(EmbeddedError):
    """The installed mongod doesn't run on this machine, or is too old."""

    def __init__(self, mongod: Path, reason: str) -> None:
        super().__init__(f"{mongod} can't be used: {reason}; repair it, put another mongod >= 6.0 on PATH, or pass --mongo-uri")


class DataDirInUse(EmbeddedError):
    """Another gateway uses the data directory."""

    def __init__(self, data_dir: Path, holder: str) -> None:
        super().__init__(f"{data_dir} is in use by process {holder or 'unknown'}; stop it or choose another --data-dir")


class DataDirUnusable(EmbeddedError):
    """The data directory can't be created, read or written."""

    def __init__(self, data_dir: Path, error: OSError) -> None:
        super().__init__(f"{data_dir} can't be used: {error.strerror or error}; choose another --data-dir")


class StartFailed(EmbeddedError):
    """mongod was started, but ended or did not accept writes."""

    def __init__(self, reason: str, log: Path) -> None:
        super().__init__(f"mongod didn't start: {reason}; its log is {log}")


class EmbeddedMongo:
    """A context manager that runs a mongod, which accepts writes at `uri`. When it is left, mongod ends; the data stay in the directory.

    On Linux, mongod ends with the thread that entered the context, even if that thread's process is killed. On other systems, a mongod can be left
    running; the next start ends it. `oplog_megabytes` is the size of a new oplog, and has no effect on an existing one.

    A start takes half a minute longer if another server now has the port of the last run, accepts connections there, and never answers. The data
    directory contains the configuration of the replica set, which names that port as the address of its only member. mongod connects to this address
    to find out whether the member is itself, and waits half a minute for an answer.
    """

    uri: str

    def __init__(self, data_dir: Path, *, oplog_megabytes: int | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.oplog_megabytes = oplog_megabytes

    def __enter__(self) -> Self:
        """Start mongod, and wait until it accepts writes. Raises: EmbeddedError."""
        with ExitStack() as stack:
            try:
                self.dbpath.mkdir(parents=True, exist_ok=True)
                stack.enter_context(sole_use(self.data_dir))
                end_stale(self.dbpath)
                port = self.start(stack)
            except OSError as error:
                raise DataDirUnusable(self.data_dir, error) from error
            self.uri = f"mongodb://{HOST}:{port}/gateway?directConnection=true"
            self.stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stack.close()

    @property
    def dbpath(self) -> Path:
        return self.data_dir / "mongo"

    @property
    def log(self) -> Path:
        return self.data_dir / "mongod.log"

    def start(self, stack: ExitStack) -> int:
        """Start mongod and wait until it accepts writes. Returns its port. Closing `stack` ends mongod."""
        mongod = find_mongod()
        last_port = self.data_dir / "port"
        for port in ports(last_port):
            process = stack.enter_context(running(self.command(mongod, port), self.log))
            if listening(process, self.log):
                break
            if process.returncode != PORT_TAKEN:
                raise StartFailed(first_error(self.log) or exit_description(process.returncode), self.log)
        else:
            raise StartFailed("other processes took every port before mongod could bind it", self.log)
        last_port.write_text(str(port))
        try:
            become_primary(port, START_SECONDS)
        except NotPrimary as error:
            raise StartFailed(first_error(self.log) or str(error), self.log) from error
        return port

    def command(self, mongod: Path, port: int) -> list[str]:
        """mongod's command line. mongod logs to standard output.

        The journal files are small, because mongod fills two of them with zeros when it starts, which takes longer for larger files.
        """
        # fmt: off
        return [
            str(mongod), "--dbpath", str(self.dbpath), "--replSet", REPLICA_SET, "--bind_ip", HOST, "--port", str(port), "--nounixsocket",
            "--quiet", "--wiredTigerCacheSizeGB", "0.25", "--wiredTigerEngineConfigString", "log=(file_max=16MB)",
            "--setParameter", "diagnosticDataCollectionEnabled=false", "--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100",
            # mongod truncates an oplog that exceeds its size, but only at checkpoints. Checkpoints are a minute apart by default, and a second here.
            *(["--oplogSize", str(self.oplog_megabytes), "--syncdelay", "1"] if self.oplog_megabytes else []),
        ]
        # fmt: on


def find_mongod() -> Path:
    """The path of the mongod to run: the one on PATH, or else the one in the wheel that the extra `embedded` installs.

    Raises: MongodMissing, MongodUnusable.
    """
    # The wheel contains only mongod, in the package `fiftyone`. If the large library FiftyOne is installed too, it is in the same package.
    # `find_spec` finds the package without importing it, because an import would then load the whole library.
    package = importlib.util.find_spec("fiftyone")
    places = (package and package.submodule_search_locations) or []
    executable = shutil.which("mongod") or shutil.which("mongod", path=os.pathsep.join(f"{place}/db/bin" for place in places))
    if executable is None:
        raise MongodMissing
    mongod = Path(executable)
    try:
        ran = subprocess.run([mongod, "--version"], capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise MongodUnusable(mongod, error.strerror or str(error)) from None
    if ran.returncode:
        raise MongodUnusable(mongod, (ran.stderr.strip() or ran.stdout.strip() or exit_description(ran.returncode)).splitlines()[0])
    version = re.search(r"db version v((\d+)\.(\d+)\S*)", ran.stdout)
    if version and (int(version[2]), int(version[3])) < MIN_VERSION:
        raise MongodUnusable(mongod, f"it is version {version[1]}")
    return mongod


@contextmanager
def sole_use(data_dir: Path) -> Iterator[None]:
    """A context in which no other gateway can use the data directory: this process holds a lock, which the system releases if the process dies.

    Raises: DataDirInUse.
    """
    with (data_dir / "gateway.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise DataDirInUse(data_dir, file.read()) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def ports(last: Path) -> Iterator[int]:
    """The ports to try: first the port of the last run if it is free, then random free ports. `last`: the file with the port of the last run."""
    with suppress(OSError, ValueError):
        yield unused(int(last.read_text()))
    for _ in range(PORTS_TO_TRY):
        yield unused(0)


def unused(port: int) -> int:
    """Check that a port is free, and return it; 0 stands for any free port. Raises: OSError if the port is taken."""
    with socket.socket() as probe:
        # With this option, closed connections in TIME_WAIT don't block the port. mongod sets it too.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A context in which a process runs. The process has a separate session, so that Ctrl-C in the terminal doesn't reach it.

    On Linux, the process ends with the thread that started it.
    """
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid())] if sys.platform == "linux" else []
    with log.open("wb") as output:
        process = subprocess.Popen(launcher + command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            process.kill()
            process.wait()


def listening(process: subprocess.Popen[bytes], log: Path) -> bool:
    """Wait until mongod accepts connections. Returns False if it ended instead. Raises: StartFailed after START_SECONDS.

    Reads mongod's log instead of connecting, since another server could answer on the same port.
    """
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None:
        if LISTENING in log.read_bytes():
            return True
        if time.monotonic() > deadline:
            raise StartFailed(f"it accepted no connections within {START_SECONDS} s", log)
        time.sleep(0.02)
    return False


def end_stale(dbpath: Path) -> None:
    """End a mongod that an earlier gateway left running with this data directory."""
    try:
        process_id = int((dbpath / "mongod.lock").read_text())
    except (OSError, ValueError):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + STOP_SECONDS
        if serves(process_id, dbpath):
            os.kill(process_id, number)
        while serves(process_id, dbpath) and time.monotonic() < deadline:
            time.sleep(0.02)


def serves(process_id: int, dbpath: Path) -> bool:
    """Whether the process with this id is a mongod that runs with this data directory. A zombie does not count as running."""
    if sys.platform == "linux":
        try:
            command = os.fsdecode(Path(f"/proc/{process_id}/cmdline").read_bytes().replace(b"\0", b" "))
        except OSError:
            return False
    else:
        command = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(process_id)], capture_output=True, text=True).stdout
    return "mongod" in command and f" --dbpath {dbpath} " in command


def first_error(log: Path) -> str | None:
    """The first error in mongod's log; later errors are consequences of the first. None if there is no error."""
    errors, plain = [], []
    for line in log.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            plain.append(line.strip())
            continue
        if entry["s"] in ("E", "F"):
            errors.append(error_text(entry))
    # Some errors come before mongod logs in JSON, and are plain text: bad options, and libraries that the system's loader does not find.
    return next(filter(None, errors + plain), None)


def error_text(entry: dict[str, Any]) -> str:
    """The text of an error in mongod's log, followed by its cause. The log has the cause in different attributes, depending on the error."""
    attributes = entry.get("attr", {})
    match attributes.get("error"), attributes.get("message"):
        case (str(text) | {"errmsg": str(text)}, _) | (_, str(text)):
            return f"{entry['msg']}: {text}"
        case _, {"msg": str(text), "error_str": str(reason)}:
            return f"{entry['msg']}: {text}: {reason}"
        case _:
            return str(entry["msg"])


def exit_description(returncode: int) -> str:
    """How a process ended, as a reason to show if the process printed no error."""
    return f"it ended by {signal.Signals(-returncode).name}" if returncode < 0 else f"it ended with exit code {returncode}"
