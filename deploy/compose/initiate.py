"""Initiates the replica set of compose.yaml, and creates its users. Skips what was done before, so it can run at each start.

This program needs only PyMongo. It must reach the first member at localhost: before the first user exists, MongoDB allows only connections from
localhost to initiate the replica set and to create that user.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

REPLICA_SET = "gateway"
ADMINISTRATOR = "administrator"
GATEWAY_USER = "gateway"
WAIT_SECONDS = 120.0
AUTHENTICATION_FAILED = 18

Client = MongoClient[dict[str, Any]]
Role = dict[str, Any]


def main() -> None:
    """Read the environment and the files that it names, and set up the replica set."""
    keys = Path(os.environ["KEYS"])
    initiate(
        os.environ.get("FIRST_MEMBER", "localhost:27017"),
        os.environ["MEMBERS"].split(","),
        json.loads(Path(os.environ["ROLES"]).read_text()),
        administrator=(keys / "mongodb-administrator").read_text(),
        gateway=(keys / "mongodb-gateway").read_text(),
    )


def initiate(first: str, members: list[str], role: Role, administrator: str, gateway: str) -> None:
    """Make the servers a replica set, and create the administrator, the role and the user of the gateway.

    `first`: the address of the first member, on this machine. `members`: the addresses under which the members and the clients reach all members.
    `role`: a command that creates the role. `administrator`, `gateway`: the passwords of the two users.
    """
    with MongoClient[dict[str, Any]](first, directConnection=True, serverSelectionTimeoutMS=2000) as client:
        eventually(lambda: configured(client, members))
        eventually(lambda: bool(client.admin.command("hello")["isWritablePrimary"]))
        if not accepted(first, administrator):
            client.admin.command("createUser", ADMINISTRATOR, pwd=administrator, roles=["root"])
    with logged_in(first, administrator) as client:
        create_or_update(client, "Role", role)
        create_or_update(client, "User", {"createUser": GATEWAY_USER, "pwd": gateway, "roles": [role["createRole"]]})


def configured(client: Client, members: list[str]) -> bool:
    """Initiate the replica set, unless that was done before. Returns True; an error means that it has to be tried again."""
    if "setName" not in client.admin.command("hello"):
        config = {"_id": REPLICA_SET, "members": [{"_id": number, "host": host} for number, host in enumerate(members)]}
        client.admin.command("replSetInitiate", config)
    return True


def accepted(address: str, password: str) -> bool:
    """Whether the administrator exists already, with this password."""
    try:
        with logged_in(address, password) as client:
            client.admin.command("connectionStatus")
    except OperationFailure as error:
        if error.code != AUTHENTICATION_FAILED:
            raise
        return False
    return True


def logged_in(address: str, password: str) -> Client:
    """A client that logs in as the administrator with this password."""
    return MongoClient(address, directConnection=True, username=ADMINISTRATOR, password=password, serverSelectionTimeoutMS=2000)


def create_or_update(client: Client, kind: str, command: dict[str, Any]) -> None:
    """Create a role or a user. If it exists, replace its rights, and the password of a user.
    `kind`: "Role" or "User". `command`: MongoDB's command that creates it.
    """
    name = command[f"create{kind}"]
    found = client.admin.command(f"{kind.lower()}sInfo", name)[f"{kind.lower()}s"]
    client.admin.command({f"update{kind}" if found and key == f"create{kind}" else key: value for key, value in command.items()})


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until `holds` returns True. A server that starts refuses commands, or closes connections, so errors are ignored for WAIT_SECONDS."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            if holds():
                return
        except PyMongoError:
            if time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            raise TimeoutError("the replica set has no primary")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
