"""Scenarios of stored data: an index that can't be built, a damaged document, interrupted work on all verifications, and MongoDB itself."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from store.indexes import IDEMPOTENCY_KEY, UPKEEP, VERIFICATIONS
from tests.alerts.prometheus import Labels
from tests.alerts.scenario import scenario
from tests.alerts.stage import LIST, Stage, repeated
from tests.factories import a_verification
from tests.ledger.cluster import GATEWAY
from tests.storing import encode

OLD_DOCUMENTS = 4000
PRIVILEGES_ARE_MISSING = 25
POLL_SECONDS = 0.05


@scenario("IndexMissing", fault="a unique index is dropped, and two verifications get one key", remedy="step 1: one of the two is removed")
async def duplicates(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Drop a unique index, and store a second verification with the same key, so that the index can't be built. Then remove the second one."""
    gateway, verifications = stage.gateways["data"], stage.database("data")[VERIFICATIONS]
    id = (await gateway.created(idempotencyKey="the-same"))[0]
    document = await verifications.find_one({"_id": id})
    assert document
    second = f"{id[:-1]}x"
    await verifications.drop_index(IDEMPOTENCY_KEY)
    # Everything else that must be unique differs: the other unique indexes still exist, and would refuse the document.
    await verifications.insert_one({**document, "_id": second, "chain": second, "provider": {**document["provider"], "id": second}})
    yield {}
    status, output = await stage.command(gateway, "check")
    assert status != 0
    assert second in output, output
    await verifications.delete_one({"_id": second})


@scenario("DataUnreadable", fault="the status of a document is damaged", remedy="step 3: the document is restored")
async def damaged(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Damage the status of a document, and read the list until the alert fires. Then restore the document."""
    gateway, verifications = stage.gateways["data"], stage.database("data")[VERIFICATIONS]
    id = (await gateway.created())[0]
    backup = await verifications.find_one_and_update({"_id": id}, {"$set": {"status": "damaged"}})
    assert backup
    async with repeated(lambda: read_and_pause(stage)):
        yield gateway.labels
        await verifications.replace_one({"_id": id}, backup)
        assert id in str(await gateway.execute(LIST))


async def read_and_pause(stage: Stage) -> None:
    """Read the newest verifications, and wait half a second."""
    await stage.gateways["data"].execute(LIST)
    await asyncio.sleep(0.5)


@scenario("UpkeepInterrupted", fault="kill -9 of `gateway migrate` after its first batch", remedy="step 1: `gateway migrate` again")
async def interrupted(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Kill a migration after its first batch. Then run it again to its end."""
    gateway = await stage.start("old", stage.uri("old"))
    database = stage.database("old")
    await database[VERIFICATIONS].insert_many([without_schema() for _ in range(OLD_DOCUMENTS)])
    process = stage.begin_command(gateway, "migrate")
    while process.id and not await database[UPKEEP].find_one({"passed": {"$gt": 0}}):
        await asyncio.sleep(POLL_SECONDS)
    await process.kill()
    yield {"work": "migrate"}
    # Between its two rounds, the migration waits for as long as a request may take. These settings make that time short.
    gateway.settings.update(GATEWAY_REQUEST_SECONDS="2", GATEWAY_DATABASE_SECONDS="2")
    status, output = await stage.command(gateway, "migrate")
    assert status == 0, output


def without_schema() -> dict[str, Any]:
    """The document of a verification, as releases before schema version 2 stored it."""
    document = encode(a_verification())
    del document["schema"]
    return document


@scenario(
    *("FeedSilent", "DependencyDown", "OperationsFail", "SweeperStands"),
    fault="all members of MongoDB are killed; a process starts meanwhile",
    remedy="the members are started; `rs.status()` shows a primary and two secondaries",
)
async def members_away(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Kill all members of MongoDB, and start a process that has never reached MongoDB. Then start the members again."""
    gateway = stage.gateways["clustered"]
    async with repeated(gateway.read_regularly):
        await asyncio.sleep(5)
        for member in stage.cluster.members:
            await member.process.kill()
        # The chores of the new process have never run, so its metric for the time of the last sweep is NaN.
        await stage.start("late", gateway.settings["GATEWAY_MONGO_URI"], ready=False)
        yield {}
        for member in stage.cluster.members:
            member.process.start()
        await stage.cluster.whole()
        await stage.gateways["late"].ready()
        await asyncio.sleep(30)


@scenario("MongoCommandsFail", fault="the user of the gateway loses its role", remedy="step 2: `gateway check` names the privileges; granted again")
async def no_role(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Take the right to read and write from the MongoDB user of the gateway. Then give it back."""
    gateway, database = stage.gateways["clustered"], "alerts"
    async with repeated(gateway.read_regularly):
        await asyncio.sleep(5)
        primary = await stage.cluster.elected()
        await primary.client.admin.command("revokeRolesFromUser", GATEWAY[0], roles=[{"role": "readWrite", "db": database}])
        yield gateway.labels
        status, output = await stage.command(gateway, "check")
        assert status == PRIVILEGES_ARE_MISSING, output
        await stage.cluster.authorize(database)
        await asyncio.sleep(30)


ON_ONE_MEMBER = (duplicates, damaged, interrupted)
ON_THE_CLUSTER = (members_away, no_role)
