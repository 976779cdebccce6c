"""A mongod of the gateway's own, as a replica set of one: for `gateway dev` and the tests."""

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

from store.bootstrap import HOST, REPLICA_SET, NotPrimary, become_primary

OLDEST = (6, 0)
START_SECONDS = 60
STOP_SECONDS = 10
PORTS_TO_TRY = 4

# What mongod says and how it exits, by its source: "Waiting for connections" is logged once the port is bound, EXIT_NET_ERROR is 48.
LISTENING = b"Waiting for connections"
PORT_TAKEN = 48

# Run before mongod in its process, so that mongod ends with the gateway however the gateway ends (prctl's option 1 is PR_SET_PDEATHSIG).
# A `preexec_fn` would do the same, but isn't safe beside threads. A parent that died before the call sends no signal any more.
LEASH = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, ctypes.c_ulong(signal.SIGTERM))
if os.getppid() != int(sys.argv[1]):
    sys.exit("the gateway is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class EmbeddedError(Exception):
    """Why there is no embedded mongod, in words for whoever asked for it."""


class MongodMissing(EmbeddedError):
    """There is no mongod here."""

    def __init__(self) -> None:
        super().__init__(
            "no mongod was found: install the extra `embedded` (pip install 'verification-gateway[embedded]'), "
            "put a mongod >= 6.0 on PATH, or pass --mongo-uri"
        )


class MongodUnusable(EmbeddedError):
    """The mongod that was found doesn't run here, or is too old."""

    def __init__(self, mongod: Path, reason: str) -> None:
        super().__init__(f"{mongod} can't be used: {reason}; mend that, put another mongod >= 6.0 on PATH, or pass --mongo-uri")


class DataDirInUse(EmbeddedError):
    """Another gateway has its data there."""

    def __init__(self, data_dir: Path, holder: str) -> None:
        super().__init__(f"{data_dir} is in use by process {holder or 'unknown'}; stop it or choose another --data-dir")


class StartFailed(EmbeddedError):
    """mongod ended, or took no writes, when it was started."""

    def __init__(self, reason: str, log: Path) -> None:
        super().__init__(f"mongod didn't start: {reason}; its log is {log}")


class EmbeddedMongo:
    """A mongod that takes writes at `uri` from `with` on to its end. Its data are kept in the directory.

    On Linux it ends with the thread that entered, even one that was killed; elsewhere the next start ends what was left running.
    An oplog that exists keeps its size. A start takes half a minute longer where the port of the last run belongs, by now, to a server that
    takes connections and says nothing: mongod waits that long to hear whether that is itself.
    """

    uri: str

    def __init__(self, data_dir: Path, *, oplog_megabytes: int | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.oplog_megabytes = oplog_megabytes

    def __enter__(self) -> Self:
        """Raises: EmbeddedError."""
        with ExitStack() as stack:
            try:
                self.dbpath.mkdir(parents=True, exist_ok=True)
                stack.enter_context(sole_use(self.data_dir))
                end_stale(self.dbpath)
                port = self.start(stack)
            except OSError as error:
                raise EmbeddedError(f"{self.data_dir} can't be used: {error.strerror or error}") from error
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
        """Start mongod, to be ended by the stack, and wait until it takes writes. The port that it got."""
        mongod = find_mongod()
        last_port = self.data_dir / "port"
        for port in ports(last_port):
            process = stack.enter_context(running(self.command(mongod, port), self.log))
            if listening(process, self.log):
                break
            if process.returncode != PORT_TAKEN:
                raise StartFailed(complaint(self.log) or ending(process.returncode), self.log)
        else:
            raise StartFailed("others took every port before mongod could", self.log)
        last_port.write_text(str(port))
        try:
            become_primary(port, START_SECONDS)
        except NotPrimary as error:
            raise StartFailed(complaint(self.log) or str(error), self.log) from error
        return port

    def command(self, mongod: Path, port: int) -> list[str]:
        """How mongod is called. The journal's files are small, for it fills two of them with zeros; the log goes to the standard output."""
        # fmt: off
        return [
            str(mongod), "--dbpath", str(self.dbpath), "--replSet", REPLICA_SET, "--bind_ip", HOST, "--port", str(port), "--nounixsocket",
            "--quiet", "--wiredTigerCacheSizeGB", "0.25", "--wiredTigerEngineConfigString", "log=(file_max=16MB)",
            "--setParameter", "diagnosticDataCollectionEnabled=false", "--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100",
            # What is beyond the size is forgotten at checkpoints, which are a minute apart otherwise.
            *(["--oplogSize", str(self.oplog_megabytes), "--syncdelay", "1"] if self.oplog_megabytes else []),
        ]
        # fmt: on


def find_mongod() -> Path:
    """A mongod that runs here: the one on PATH, else the one in the wheel of the extra `embedded`.

    Raises: MongodMissing, MongodUnusable.
    """
    # Looked for without importing it: the whole of that package may be installed, not the wheel with mongod alone.
    package = importlib.util.find_spec("fiftyone")
    places = (package and package.submodule_search_locations) or []
    found = shutil.which("mongod") or shutil.which("mongod", path=os.pathsep.join(f"{place}/db/bin" for place in places))
    if found is None:
        raise MongodMissing
    mongod = Path(found)
    try:
        ran = subprocess.run([mongod, "--version"], capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise MongodUnusable(mongod, error.strerror or str(error)) from None
    if ran.returncode:
        raise MongodUnusable(mongod, (ran.stderr.strip() or ran.stdout.strip() or ending(ran.returncode)).splitlines()[0])
    version = re.search(r"db version v((\d+)\.(\d+)\S*)", ran.stdout)
    if version and (int(version[2]), int(version[3])) < OLDEST:
        raise MongodUnusable(mongod, f"it is version {version[1]}")
    return mongod


@contextmanager
def sole_use(data_dir: Path) -> Iterator[None]:
    """The directory for this process alone; the lock goes with the process.

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
    """Ports to try: first that of the last run, where nobody has it."""
    with suppress(OSError, ValueError):
        yield unused(int(last.read_text()))
    for _ in range(PORTS_TO_TRY):
        yield unused(0)


def unused(port: int) -> int:
    """The port, or for 0 any, which nobody has at the moment. Raises OSError where somebody has it."""
    with socket.socket() as probe:
        # As mongod does: what lingers of closed connections is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own session, which Ctrl-C in the terminal doesn't reach. On Linux it ends with the thread that started it."""
    leash = [sys.executable, "-I", "-S", "-c", LEASH, str(os.getpid())] if sys.platform == "linux" else []
    with log.open("wb") as output:
        process = subprocess.Popen(leash + command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
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
    """Wait until this very mongod, and not another on the same port, takes connections; false where it ended instead."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None:
        if LISTENING in log.read_bytes():
            return True
        if time.monotonic() > deadline:
            raise StartFailed(f"it took no connections within {START_SECONDS} s", log)
        time.sleep(0.02)
    return False


def end_stale(dbpath: Path) -> None:
    """End the mongod that a gateway left running on this path."""
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
    """Whether this process is a mongod that was started on this path. One that has ended isn't, be it a zombie still."""
    if sys.platform == "linux":
        try:
            called = os.fsdecode(Path(f"/proc/{process_id}/cmdline").read_bytes().replace(b"\0", b" "))
        except OSError:
            return False
    else:
        called = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(process_id)], capture_output=True, text=True).stdout
    return "mongod" in called and f" --dbpath {dbpath} " in called


def complaint(log: Path) -> str | None:
    """What mongod first complained of. The lines after it tell what followed from that."""
    errors, plain = [], []
    for line in log.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            plain.append(line.strip())
            continue
        if entry["s"] in ("E", "F"):
            errors.append(cause(entry))
    # Before it has a log, mongod tells of bad options in plain text, and so does the loader of missing libraries.
    return next(filter(None, errors + plain), None)


def cause(entry: dict[str, Any]) -> str:
    """An entry of mongod's log in words; the cause stands in one of several places."""
    attributes = entry.get("attr", {})
    match attributes.get("error"), attributes.get("message"):
        case (str(text) | {"errmsg": str(text)}, _) | (_, str(text)):
            return f"{entry['msg']}: {text}"
        case _, {"msg": str(text), "error_str": str(reason)}:
            return f"{entry['msg']}: {text}: {reason}"
        case _:
            return str(entry["msg"])


def ending(returncode: int) -> str:
    """How a process ended, where it said nothing itself."""
    return f"it ended by {signal.Signals(-returncode).name}" if returncode < 0 else f"it ended with exit code {returncode}"
