"""`gateway check`: checks whether the gateway can serve here, without serving."""

import asyncio

import httpx2

from domain.errors import Unavailable
from gateway.application import documents, keys_of_issuer
from gateway.process.health import MAX_CLOCK_DIFFERENCE_SECONDS
from gateway.provision import provider_client
from gateway.settings import Settings, sections_of, unknown
from providers.file import ExternalSection, SandboxSection, YousignSection
from providers.reports import ProviderError
from providers.yousign import Yousign
from schema.build import build, executable
from store import indexes
from store.driver import Database, Unsuitable, close_client, connect, database, examine, suitable
from store.feed import count_private_processes
from store.index_repair import MODELS, duplicate_ids
from store.verifications import utc_now

# The result of one check: whether it passed, and a line of text for the user.
Finding = tuple[bool, str]

MAX_CHECK_SECONDS = 5.0
NAME_PROXY = "If a proxy is in front of it, name the proxy in GATEWAY_TRUSTED_PROXIES: otherwise all clients share the limits of one address"


async def check(settings: Settings) -> list[Finding]:
    """Run all checks and return their results.

    Raises: BadAddress; BadProvidersFile; BadSettings if another file that the settings name can't be used. Other faults of the settings were already
            reported when `settings` was read.
    """
    documents(settings, executable(build()))
    keys_of_issuer(settings)
    timeout_seconds = min(settings.database_seconds, MAX_CHECK_SECONDS)
    found = [*settings_found(settings), *await providers_found(settings)]
    client = connect(settings.mongo_uri.get_secret_value(), timeout_seconds)
    try:
        deployment = await deployment_found(database(client))
        return [*found, *deployment, *await addresses_found(settings, database(client))]
    except Unavailable:
        text = f"no primary answered within {timeout_seconds:g} s; check GATEWAY_MONGO_URI and the replica set"
        return [*found, (False, f"MongoDB: {text}")]
    except Unsuitable as error:
        return [*found, (False, f"MongoDB: {error}")]
    finally:
        close_client(client)


async def providers_found(settings: Settings) -> list[Finding]:
    """Check the provider of each workspace of the providers file. One result for each; none contains a secret. Raises: BadProvidersFile."""
    async with provider_client() as client:
        return await asyncio.gather(*(provider_found(workspace, section, client) for workspace, section in sections_of(settings).items()))


async def provider_found(workspace: str, section: SandboxSection | ExternalSection | YousignSection, client: httpx2.AsyncClient) -> Finding:
    """Check the provider of one workspace. If the section has an API key, the provider must answer and accept that key."""
    name = f"provider of {workspace}: {section.provider}"
    if not isinstance(section, YousignSection):
        return True, name
    try:
        await Yousign(client, section, lambda *_: None).reachable()
    except ProviderError as error:
        return False, f"{name} at {section.base_url.host} can't be used: {error}"
    return True, f"{name} at {section.base_url.host} accepts the API key; {len(section.webhook_secrets)} webhook secret(s) are set"


async def deployment_found(mongo: Database) -> list[Finding]:
    """The results for MongoDB, the clock and the indexes. Raises: Unavailable, Unsuitable."""
    mongo_time = await examine(mongo)
    difference = abs((utc_now() - mongo_time).total_seconds())
    with suitable():
        missing = await indexes.missing(mongo)
        unique = [name for name in missing if MODELS[name][1].document.get("unique")]
        clashes = [(name, ids) for name in unique if (ids := await duplicate_ids(mongo, name))]
    return [
        (True, "MongoDB: answers and accepts writes"),
        (difference < MAX_CLOCK_DIFFERENCE_SECONDS, f"clock: differs from MongoDB's by {difference:.1f} s"),
        (True, "indexes: complete" if not missing else f"indexes: {len(missing)} will be created when the gateway starts ({', '.join(missing)})"),
        *[(False, f"index {name}: can't be created, since verifications have equal values: {ids}") for name, ids in clashes],
    ]


async def addresses_found(settings: Settings, mongo: Database) -> list[Finding]:
    """A warning if the clients' addresses are probably hidden behind a proxy that is not trusted. All clients then share the limits of one address.

    The check passes with a warning, because all clients may really be in one private network.
    """
    if settings.trusted_proxies:
        return []
    if processes := await count_private_processes(mongo, utc_now()):
        return [(True, f"addresses: WARNING: {processes} running process(es) see only addresses of private networks. {NAME_PROXY}")]
    if settings.public_url.scheme == "https":
        return [(True, f"addresses: WARNING: GATEWAY_PUBLIC_URL is https, so a proxy must be in front of the gateway. {NAME_PROXY}")]
    return []


def settings_found(settings: Settings) -> list[Finding]:
    """The results for the settings, which were read without a fault. An environment variable GATEWAY_… that is no setting is reported as a fault."""
    others = "other workspaces have none" if settings.providers_file else "none, so that no verification can be created; GATEWAY_PROVIDER sets it"
    provider = settings.provider or others
    return [
        (True, "settings: complete"),
        (True, f"provider: {provider}"),
        *((False, f"{name} is not a setting; `gateway settings` lists all settings") for name in unknown()),
    ]
