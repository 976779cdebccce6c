"""`gateway check`: would it serve here?"""

from domain.errors import Unavailable
from gateway.application import documents
from gateway.process.health import MAX_CLOCK_DIFFERENCE_SECONDS
from gateway.settings import Settings, unknown
from schema.build import build, executable
from store import indexes
from store.driver import close, connect, database, ping
from store.verifications import utc_now

Finding = tuple[bool, str]


async def check(settings: Settings) -> list[Finding]:
    """What was looked at, and whether it is well. The settings were read already. Raises: BadSettings where the trusted documents can't be used."""
    documents(settings, executable(build()))
    client = connect(settings.mongo_uri.get_secret_value(), min(settings.database_seconds, 5))
    try:
        told = await ping(database(client))
        difference = abs((utc_now() - told).total_seconds())
        missing = await indexes.missing(database(client))
        return [
            *settings_found(),
            (True, "MongoDB: answers, and can be written to"),
            (difference < MAX_CLOCK_DIFFERENCE_SECONDS, f"clock: {difference:.1f} s apart from MongoDB's"),
            (True, "indexes: all there" if not missing else f"indexes: {len(missing)} will be made at the start ({', '.join(missing)})"),
        ]
    except Unavailable:
        return [
            *settings_found(),
            (False, "MongoDB: no primary answered within 5 s; look at GATEWAY_MONGO_URI and the replica set"),
        ]
    finally:
        close(client)


def settings_found() -> list[Finding]:
    """What is to be said of the settings, which were read already."""
    return [(True, "settings: complete"), *((False, f"{name} is no setting; `gateway settings` lists them all") for name in unknown())]
