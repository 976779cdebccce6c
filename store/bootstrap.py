"""Making a lone mongod the primary of a replica set of one. Synchronous: the process has nothing else to do yet."""

import time
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError, ServerSelectionTimeoutError

HOST = "127.0.0.1"
REPLICA_SET = "gateway"

NOT_YET_INITIALIZED = 94


class NotPrimary(Exception):
    """A mongod went away, or took no writes within the time."""


def become_primary(port: int, timeout_seconds: float) -> None:
    """Wait until the mongod on this port takes writes, and give it the configuration that it needs for that.

    Raises: NotPrimary.
    """
    deadline = time.monotonic() + timeout_seconds
    hindrance: PyMongoError | None = None
    client: MongoClient[dict[str, Any]]
    with MongoClient(HOST, port, directConnection=True, serverSelectionTimeoutMS=5000) as client:
        while time.monotonic() < deadline:
            try:
                if client.admin.command("hello")["isWritablePrimary"]:
                    return
                configure(client.admin, f"{HOST}:{port}")
            except ServerSelectionTimeoutError:
                raise NotPrimary(f"nothing answers on port {port} any more") from None
            except (AutoReconnect, OperationFailure) as error:
                # Until its configuration is loaded, a mongod refuses these commands, and a change of state closes connections.
                hindrance = error
            time.sleep(0.02)
    raise NotPrimary(f"it took no writes within {timeout_seconds:g} s ({hindrance or 'without giving a reason'})")


def configure(admin: Database[dict[str, Any]], member: str) -> None:
    """Have the configuration name this address: a mongod that doesn't find itself in there is never elected."""
    try:
        config = admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]})
        return
    if config["members"][0]["host"] != member:
        moved = config | {"version": config["version"] + 1, "members": [config["members"][0] | {"host": member}]}
        admin.command("replSetReconfig", moved, force=True)
