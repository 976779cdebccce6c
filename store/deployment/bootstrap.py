"""Makes a single mongod the primary of a replica set with one member. The functions may block, as they run before the event loop starts."""

import time
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError, ServerSelectionTimeoutError

HOST = "127.0.0.1"
REPLICA_SET = "gateway"

NOT_YET_INITIALIZED = 94


class NotPrimary(Exception):
    """The mongod ended, or did not become primary in time."""


def become_primary(port: int, timeout_seconds: float) -> None:
    """Configure the mongod on this port as a replica set, and wait until it accepts writes.

    Raises: NotPrimary.
    """
    deadline = time.monotonic() + timeout_seconds
    last_error: PyMongoError | None = None
    client: MongoClient[dict[str, Any]]
    with MongoClient(HOST, port, directConnection=True, serverSelectionTimeoutMS=5000) as client:
        while time.monotonic() < deadline:
            try:
                if client.admin.command("hello")["isWritablePrimary"]:
                    return
                configure_replica_set(client.admin, f"{HOST}:{port}")
            except ServerSelectionTimeoutError:
                raise NotPrimary(f"nothing answers on port {port} any more") from None
            except (AutoReconnect, OperationFailure) as error:
                # A starting mongod refuses these commands until its configuration is loaded, and closes connections when its state changes.
                last_error = error
            time.sleep(0.02)
    raise NotPrimary(f"it accepted no writes within {timeout_seconds:g} s ({last_error or 'no error was reported'})")


def configure_replica_set(admin: Database[dict[str, Any]], member: str) -> None:
    """Initiate the replica set with the mongod's address (`member`). If its configuration exists with another address, replace that address.

    A mongod whose address is not in the configuration is never elected.
    """
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
