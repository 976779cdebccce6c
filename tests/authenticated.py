"""Runs a MongoDB that requires users and passwords, as in production: a replica set whose members authenticate with a keyFile."""

import base64
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from deploy.compose.initiate import ADMINISTRATOR, GATEWAY_USER, REPLICA_SET, initiate
from gateway.development.mongod import find_mongod, listening, running, unused

ROLES = Path(__file__).parents[1] / "deploy" / "mongodb-roles.json"


def role() -> dict[str, Any]:
    """The command of deploy/mongodb-roles.json, which creates the role of the gateway."""
    found: dict[str, Any] = json.loads(ROLES.read_text())
    return found


@dataclass(frozen=True, slots=True)
class AuthenticatedMongo:
    """A running MongoDB with users. `administrator`, `gateway`: the passwords of its two users. The database of the gateway is called `gateway`."""

    port: int
    administrator: str
    gateway: str

    def uri(self, user: str = GATEWAY_USER, password: str | None = None) -> str:
        """The URI with which a user connects; by default the user of the gateway."""
        passwords = {GATEWAY_USER: self.gateway, ADMINISTRATOR: self.administrator}
        return f"mongodb://{user}:{password or passwords[user]}@127.0.0.1:{self.port}/gateway?replicaSet={REPLICA_SET}&authSource=admin"

    def user_with(self, actions: Sequence[str]) -> str:
        """Create a user that may do these actions on the database of the gateway, and nothing else. Returns its URI."""
        name, password = f"user-{secrets.token_hex(4)}", secrets.token_hex(8)
        privileges = [{"resource": {"db": "gateway", "collection": ""}, "actions": [*actions]}]
        with MongoClient[dict[str, Any]](self.uri(ADMINISTRATOR)) as client:
            client.admin.command("createRole", name, privileges=privileges, roles=[])
            client.admin.command("createUser", name, pwd=password, roles=[name])
        return self.uri(name, password)


@contextmanager
def authenticated_mongo(directory: Path) -> Iterator[AuthenticatedMongo]:
    """A context in which a MongoDB with users runs. Its files are in this directory."""
    port, key_file, data = unused(0), directory / "key", directory / "data"
    key_file.write_bytes(base64.b64encode(secrets.token_bytes(48)))
    key_file.chmod(0o400)
    data.mkdir()
    # fmt: off
    command = [
        str(find_mongod()), "--dbpath", str(data), "--replSet", REPLICA_SET, "--keyFile", str(key_file), "--bind_ip", "127.0.0.1",
        "--port", str(port), "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25",
    ]
    # fmt: on
    mongo = AuthenticatedMongo(port, secrets.token_hex(8), secrets.token_hex(8))
    with running(command, directory / "log") as process:
        assert listening(process, directory / "log"), (directory / "log").read_text()[-2000:]
        address = f"127.0.0.1:{port}"
        initiate(address, [address], role(), mongo.administrator, mongo.gateway)
        yield mongo
