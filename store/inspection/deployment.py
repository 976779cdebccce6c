"""Finds out what kind of MongoDB deployment this is, and refuses the ones with which the gateway can't serve."""

from dataclasses import dataclass
from datetime import datetime

from store.driver import UTC_INSTANTS, Database, Document, Unsuitable, answering, suitable

# The oldest release of MongoDB that has everything that the gateway uses. The newest release with which it was tested is in docs/deploying.md.
MIN_SERVER_VERSION = (6, 0)


class NotReplicated(Unsuitable):
    """The server is not the primary of a replica set, and not a router of a sharded cluster."""


class Outdated(Unsuitable):
    """The server is older than MIN_SERVER_VERSION."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A MongoDB deployment. `members`: how many members of the replica set can be elected; 0 for a sharded cluster. `time`: the server's clock."""

    version: str
    members: int
    time: datetime

    @property
    def description(self) -> str:
        """The kind of the deployment, in words. It contains no name and no address."""
        kind = f"a replica set with {self.members} member{'' if self.members == 1 else 's'}" if self.members else "a sharded cluster"
        return f"MongoDB {self.version}, {kind}"


async def examine(database: Database) -> Deployment:
    """Check that this is the primary of a replica set, or a router of a sharded cluster, and that its release is not too old.

    Raises: Unavailable, Unsuitable.
    """
    with suitable(), answering():
        hello = await database.command("hello", codec_options=UTC_INSTANTS)
        build = await database.command("buildInfo")
    return deployment_of(hello, build)


def deployment_of(hello: Document, build: Document) -> Deployment:
    """The deployment that the responses to the commands `hello` and `buildInfo` describe. Raises: NotReplicated, Outdated."""
    is_router = hello.get("msg") == "isdbgrid"
    if "setName" not in hello and not is_router:
        raise NotReplicated("it is not a replica set, and change streams need one: start mongod with --replSet, and call rs.initiate() once")
    if not hello["isWritablePrimary"]:
        raise NotReplicated("this member is not the primary: write all members into the address, with replicaSet=name and without directConnection")
    if tuple(build["versionArray"][:2]) < MIN_SERVER_VERSION:
        raise Outdated(f"it has version {build['version']}, and the gateway needs {'.'.join(map(str, MIN_SERVER_VERSION))} or newer")
    return Deployment(build["version"], 0 if is_router else len(hello["hosts"]), hello["localTime"])
