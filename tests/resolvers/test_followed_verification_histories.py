"""Changes chains at random and follows them over connections that are lost at random: each event must arrive once, in the order of its attempt."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, Company
from tests.followers import ChainFollower, Transport

STEPS = (LINK_OPENED, CAPTURE_STARTED, CAPTURE_COMPLETED)
RESULTS = (("VERIFIED",), ("FAILED", "IDVV_2101"), ("INCONCLUSIVE", "IDVV_1314"), ("INCONCLUSIVE", "IDVV_1302"))
SECONDS = 30

# One change: what happens, and a number that selects the attempt to which it happens. The index of the attempt is the remainder of this number
# divided by the number of attempts.
changes = st.tuples(st.sampled_from([*STEPS, *RESULTS, "retry", "retry", "anonymize"]), st.integers(0, 9))
# One connection: its transport, the changes before it is opened and while it is open, and how many messages are read before it is lost.
connections = st.tuples(st.sampled_from(["socket", "stream"]), st.lists(changes, max_size=4), st.lists(changes, max_size=4), st.integers(0, 4))
over_connections = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
)


class Chain:
    """The attempts of one chain, changed through the API. A change that the rules refuse changes nothing."""

    def __init__(self, company: Company, first: str) -> None:
        self.ids = [first]
        self._company = company

    async def change(self, what: Any, number: int) -> None:
        """Try to make one change to an attempt, which `number` selects. A retry is always requested for the newest attempt."""
        id = self.ids[number % len(self.ids)]
        if what in STEPS:
            await self._company.progress(id, what)
        elif what == "anonymize":
            await self._company.anonymize(id)
        elif what == "retry":
            retry = await self._company.retry(self.ids[-1], firstName="Jeanne", lastName="Moreau")
            if "id" in retry:
                self.ids.append(retry["id"])
        else:
            await self._company.result(id, *what)

    async def verify(self) -> None:
        """Make the newest attempt verified, so that subscriptions complete. If it has failed or is inconclusive, it is retried first."""
        await self.change("retry", 0)
        await self._company.result(self.ids[-1], "VERIFIED")

    def versions(self) -> dict[str, list[int]]:
        """The versions of all stored events of each attempt."""
        chain = self._company.collection.find({"chain": self.ids[0]})
        return {document["_id"]: [event["version"] for event in document["events"]] for document in chain}


async def read(updates: AsyncIterator[Any], messages: int, follower: ChainFollower, chain: Chain) -> None:
    """Receive up to `messages` messages. Ends sooner if the subscription completes, or if the follower has received all stored events.

    The first message is always received, because every subscription begins with the current state.
    """
    for number in range(messages):
        if number and sum(map(len, chain.versions().values())) == sum(map(len, follower.versions.values())):
            return
        if not await anext(updates, None):
            return


@over_connections
@given(st.lists(connections, max_size=6), st.sampled_from(["socket", "stream"]))
async def test_every_event_is_received_once_and_in_order(company: Company, connections: list[Any], last: Transport) -> None:
    chain = Chain(company, await company.created())
    follower = ChainFollower(chain.ids[0])

    async def changed(changes: list[Any]) -> None:
        for what, number in changes:
            await chain.change(what, number)

    async with asyncio.timeout(SECONDS):
        for transport, before, during, messages in connections:
            await changed(before)
            async with follower.following(company.gateway, company.token(), transport) as updates:
                await asyncio.gather(changed(during), read(updates, messages, follower, chain))
        await chain.verify()
        resumed = follower.cursor is not None
        async with follower.following(company.gateway, company.token(), last) as updates:
            received = [update["verification"] async for update in updates]

    assert follower.versions == chain.versions()
    newest_at = 0 if resumed else -1
    assert received[newest_at]["attempt"] == len(chain.ids)
    assert received[newest_at]["status"] == "VERIFIED"
