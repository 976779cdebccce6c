"""`gateway check`: checks whether the gateway can serve here, without serving."""

from domain.errors import Unavailable
from gateway.application import documents
from gateway.process.health import MAX_CLOCK_DIFFERENCE_SECONDS
from gateway.settings import Settings, unknown
from schema.build import build, executable
from store import indexes
from store.driver import close_client, connect, database, ping
from store.index_repair import MODELS, duplicate_ids
from store.verifications import utc_now

# The result of one check: whether it passed, and a line of text for the user.
Finding = tuple[bool, str]


async def check(settings: Settings) -> list[Finding]:
    """Run all checks and return their results.

    Raises: BadSettings if the trusted documents can't be used. Other faults of the settings were already reported when `settings` was read.
    """
    documents(settings, executable(build()))
    client = connect(settings.mongo_uri.get_secret_value(), min(settings.database_seconds, 5))
    try:
        mongo_time = await ping(database(client))
        difference = abs((utc_now() - mongo_time).total_seconds())
        missing = await indexes.missing(database(client))
        unique = [name for name in missing if MODELS[name][1].document.get("unique")]
        clashes = [(name, ids) for name in unique if (ids := await duplicate_ids(database(client), name))]
        return [
            *settings_found(settings),
            (True, "MongoDB: answers and accepts writes"),
            (difference < MAX_CLOCK_DIFFERENCE_SECONDS, f"clock: differs from MongoDB's by {difference:.1f} s"),
            (True, "indexes: complete" if not missing else f"indexes: {len(missing)} will be created when the gateway starts ({', '.join(missing)})"),
            *[(False, f"index {name}: can't be created, since verifications have equal values: {ids}") for name, ids in clashes],
        ]
    except Unavailable:
        return [
            *settings_found(settings),
            (False, "MongoDB: no primary answered within 5 s; check GATEWAY_MONGO_URI and the replica set"),
        ]
    finally:
        close_client(client)


def settings_found(settings: Settings) -> list[Finding]:
    """The results for the settings. No setting is missing or wrong, as reading them has succeeded. GATEWAY_ variables that are not settings fail."""
    provider = settings.provider or "none, so that no verification can be created; GATEWAY_PROVIDER sets it"
    return [
        (True, "settings: complete"),
        (True, f"provider: {provider}"),
        *((False, f"{name} is not a setting; `gateway settings` lists all settings") for name in unknown()),
    ]
