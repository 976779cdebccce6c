"""`gateway check`: checks whether the gateway can serve here, without serving."""

from domain.errors import Unavailable
from gateway.application import documents, keys_of_issuer
from gateway.process.health import MAX_CLOCK_DIFFERENCE_SECONDS
from gateway.settings import Settings, unknown
from schema.build import build, executable
from store import indexes
from store.driver import Database, Unsuitable, close_client, connect, database, examine, suitable
from store.index_repair import MODELS, duplicate_ids
from store.verifications import utc_now

# The result of one check: whether it passed, and a line of text for the user.
Finding = tuple[bool, str]

MAX_CHECK_SECONDS = 5.0


async def check(settings: Settings) -> list[Finding]:
    """Run all checks and return their results.

    Raises: BadAddress; BadSettings if a file that the settings name can't be used. Other faults of the settings were already reported when
            `settings` was read.
    """
    documents(settings, executable(build()))
    keys_of_issuer(settings)
    timeout_seconds = min(settings.database_seconds, MAX_CHECK_SECONDS)
    client = connect(settings.mongo_uri.get_secret_value(), timeout_seconds)
    try:
        return [*settings_found(settings), *await deployment_found(database(client))]
    except Unavailable:
        text = f"no primary answered within {timeout_seconds:g} s; check GATEWAY_MONGO_URI and the replica set"
        return [*settings_found(settings), (False, f"MongoDB: {text}")]
    except Unsuitable as error:
        return [*settings_found(settings), (False, f"MongoDB: {error}")]
    finally:
        close_client(client)


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


def settings_found(settings: Settings) -> list[Finding]:
    """The results for the settings. No setting is missing or wrong, as reading them has succeeded. GATEWAY_ variables that are not settings fail."""
    provider = settings.provider or "none, so that no verification can be created; GATEWAY_PROVIDER sets it"
    return [
        (True, "settings: complete"),
        (True, f"provider: {provider}"),
        *((False, f"{name} is not a setting; `gateway settings` lists all settings") for name in unknown()),
    ]
