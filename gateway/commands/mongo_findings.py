"""What `gateway check` finds out about MongoDB: the deployment, the user's privileges, a write, the change stream, the clock and the indexes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.errors import Unavailable
from gateway.commands.findings import Finding, Problem
from gateway.process.health import MAX_CLOCK_DIFFERENCE_SECONDS
from gateway.settings import Settings
from store import indexes
from store.deployment.address import BadAddress
from store.driver import Database, LoginRefused, NotPermitted, Unsuitable, close_client, connect, database, suitable
from store.feed import count_private_processes
from store.index_repair import MODELS, duplicate_ids
from store.inspection.deployment import Deployment, NotReplicated, Outdated, examine
from store.inspection.privileges import lacking
from store.inspection.trial import StreamFailed, WriteFailed, try_out
from store.verifications import utc_now

MAX_CHECK_SECONDS = 5.0
UNSUITABLE = {
    LoginRefused: Problem.MONGO_LOGIN,
    NotPermitted: Problem.MONGO_PRIVILEGES,
    NotReplicated: Problem.MONGO_DEPLOYMENT,
    Outdated: Problem.MONGO_VERSION,
}
NAME_PROXY = "If a proxy is in front of it, name the proxy in GATEWAY_TRUSTED_PROXIES: otherwise all clients share the limits of one address"


async def mongo_findings(settings: Settings) -> list[Finding]:
    """Run the checks of MongoDB. If MongoDB can't be used, or privileges are missing, the checks that would fail too are left out."""
    timeout_seconds = min(settings.database_seconds, MAX_CHECK_SECONDS)
    found: list[Finding] = []
    try:
        async with opened_database(settings, timeout_seconds) as mongo:
            deployment = await examine(mongo)
            found += [Finding(deployment.description), clock_found(deployment)]
            found += await privileges_found(mongo)
            if not any(finding.problem is Problem.MONGO_PRIVILEGES for finding in found):
                found += [await trial_found(mongo, timeout_seconds), *await indexes_found(mongo), *await addresses_found(settings, mongo)]
    except BadAddress as bad:
        found.append(Finding(str(bad), Problem.MONGO_ADDRESS))
    except Unavailable:
        text = f"MongoDB: no primary answered within {timeout_seconds:g} s; check GATEWAY_MONGO_URI and the replica set"
        found.append(Finding(text, Problem.MONGO_UNREACHABLE))
    except Unsuitable as error:
        found.append(Finding(f"MongoDB: {error}", UNSUITABLE.get(type(error), Problem.MONGO_ADDRESS)))
    return found


@asynccontextmanager
async def opened_database(settings: Settings, timeout_seconds: float) -> AsyncIterator[Database]:
    """A context with the database of the settings. Raises: BadAddress."""
    client = connect(settings.mongo_uri.get_secret_value(), timeout_seconds)
    try:
        yield database(client)
    finally:
        close_client(client)


def clock_found(deployment: Deployment) -> Finding:
    """Whether the clock of this machine agrees with that of MongoDB's primary."""
    difference = abs((utc_now() - deployment.time).total_seconds())
    text = f"clock: differs from MongoDB's by {difference:.1f} s"
    return Finding(text) if difference < MAX_CLOCK_DIFFERENCE_SECONDS else Finding(f"{text}; synchronize it", Problem.CLOCK)


async def privileges_found(mongo: Database) -> list[Finding]:
    """Whether the user in the URI of MongoDB has all privileges that the gateway needs. Raises: Unavailable, Unsuitable."""
    lacks = await lacking(mongo)
    if lacks is None:
        return [Finding("privileges: WARNING: the address has no user, so that everyone who reaches MongoDB may read and change everything")]
    if lacks:
        return [Finding(f"privileges: the user may not {'; '.join(lacks)}. docs/deploying.md has the role", Problem.MONGO_PRIVILEGES)]
    return [Finding("privileges: complete")]


async def trial_found(mongo: Database, timeout_seconds: float) -> Finding:
    """Whether a write reaches a majority of the members and returns through the change stream. Raises: Unsuitable."""
    try:
        await try_out(mongo, utc_now(), timeout_seconds)
    except WriteFailed as error:
        return Finding(f"write: {error}", Problem.MONGO_WRITE)
    except StreamFailed as error:
        return Finding(f"change stream: {error}", Problem.CHANGE_STREAM)
    return Finding("write and change stream: a majority acknowledged a write, and the change stream delivered it")


async def indexes_found(mongo: Database) -> list[Finding]:
    """Which indexes are missing, and which unique indexes can't be created because verifications have equal values.

    Raises: Unavailable, Unsuitable.
    """
    with suitable():
        missing = await indexes.missing(mongo)
        unique = [name for name in missing if MODELS[name][1].document.get("unique")]
        clashes = [(name, ids) for name in unique if (ids := await duplicate_ids(mongo, name))]
    return [
        Finding(f"indexes: {len(missing)} will be created when the gateway starts ({', '.join(missing)})" if missing else "indexes: complete"),
        *(Finding(f"index {name}: can't be created, since verifications have equal values: {ids}", Problem.INDEXES) for name, ids in clashes),
    ]


async def addresses_found(settings: Settings, mongo: Database) -> list[Finding]:
    """A warning if the clients' addresses are probably hidden behind a proxy that is not trusted. All clients then share the limits of one address.

    The check passes with a warning, because all clients may really be in one private network. Raises: Unavailable.
    """
    if settings.trusted_proxies:
        return []
    if processes := await count_private_processes(mongo, utc_now()):
        return [Finding(f"addresses: WARNING: {processes} running process(es) see only addresses of private networks. {NAME_PROXY}")]
    if settings.public_url.scheme == "https":
        return [Finding(f"addresses: WARNING: GATEWAY_PUBLIC_URL is https, so a proxy must be in front of the gateway. {NAME_PROXY}")]
    return []
