"""Sends the provider's webhooks to the gateways: duplicated, reordered, altered, or not at all, as the fate of each verification says."""

import asyncio
import json
from random import Random

import httpx2

from tests.ledger.gateways import Gateway
from tests.soak.gateways import Fleet
from tests.soak.plan import Fate, Sending
from tests.soak.provider import EXPIRED, SoakYousign, decision_of
from tests.soak.records import Records

# The provider sends a webhook that was not answered with 200 again after these pauses, and then gives up.
PAUSES = (0.3, 1.0, 2.0, 4.0)
ANSWER_SECONDS = 10.0
OVERTAKEN_TOGETHER = 8
REPEATED_AFTER_SECONDS = 2.0

Signed = tuple[bytes, dict[str, str]]


class Courier:
    """Sends webhooks. `client`: sends requests to the gateways."""

    def __init__(self, fake: SoakYousign, fleet: Fleet, client: httpx2.AsyncClient, chance: Random, records: Records) -> None:
        self._fake = fake
        self._fleet = fleet
        self._client = client
        self._chance = chance
        self._records = records
        self._held: list[tuple[Fate, Signed]] = []

    async def conclude(self, fate: Fate, video: str) -> None:
        """Decide the outcome of a verification, and send its webhook as its fate says."""
        before = self._fake.webhook(video)
        self._fake.conclude(video, decision_of(fate))
        signed = self._fake.webhook(video)
        if fate.altered:
            await self._send_altered(fate, signed)
        match fate.sending:
            case Sending.LOST:
                self._count("webhook: never sent")
            case Sending.OVERTAKEN:
                await self._hold(fate, signed)
            case Sending.COPIES:
                self._count("webhook: copies at once, to several gateways")
                await asyncio.gather(*(self._send(fate, signed) for _ in range(self._chance.choice((2, 3, 5)))))
            case Sending.REPEATED:
                await self._send(fate, signed)
                await asyncio.sleep(self._chance.uniform(0, REPEATED_AFTER_SECONDS))
                self._count("webhook: again, as another event")
                await self._send(fate, self._fake.webhook(video))
            case _ if self._fake.will_kill_before_application(video):
                await self._send_to_dying(fate, video, signed)
            case _:
                await self._send(fate, signed)
        if fate.stale:
            self._count("webhook: pending, after the outcome")
            await self._send(fate, before)

    async def send_early(self, fate: Fate, video: str) -> None:
        """Send the webhook about an outcome while the gateway still waits for the answer to the creation."""
        self._count("webhook: before the answer to the creation")
        await self._send(fate, self._fake.webhook(video))

    async def conclude_orphans(self) -> None:
        """For each verification at the provider whose link nobody received: let it expire, and send the webhook about its expiry."""
        for video in [video for video in self._fake.videos if video not in self._records.decisions]:
            self._fake.conclude(video, EXPIRED)
            await self._send(self._fake.fate_of(video), self._fake.webhook(video))

    async def release(self) -> None:
        """Send all webhooks that were held back, the newest first."""
        held, self._held = self._held[::-1], []
        for fate, signed in held:
            await self._send(fate, signed)

    async def _hold(self, fate: Fate, signed: Signed) -> None:
        self._count("webhook: overtaken by later ones")
        self._held.append((fate, signed))
        if len(self._held) >= OVERTAKEN_TOGETHER:
            await self.release()

    async def _send_to_dying(self, fate: Fate, video: str, signed: Signed) -> None:
        gateway, answered = self._fleet.any(), asyncio.Event()
        self._fake.answering[video] = gateway.name, answered
        status = await self._post(fate, signed, gateway)
        answered.set()
        if status != 200:
            await self._send(fate, signed)

    async def _send_altered(self, fate: Fate, signed: Signed) -> None:
        content, headers = signed
        place = self._chance.randrange(len(content))
        altered = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        status = await self._post(fate, (altered, headers), self._fleet.any())
        self._count("webhook: one byte changed")
        if status not in (401, 0, 503):
            self._records.complaints.append(f"{fate.name}: a webhook with a changed byte was answered with {status}")

    async def _send(self, fate: Fate, signed: Signed) -> None:
        """Send a webhook until it is answered with 200, or the provider gives up."""
        for pause in (0.0, *PAUSES):
            await asyncio.sleep(pause)
            if await self._post(fate, signed, self._fleet.any()) == 200:
                return
        self._count("webhook: given up by the provider after five tries")

    async def _post(self, fate: Fate, signed: Signed, gateway: Gateway) -> int:
        """Send a webhook once. Returns the status of the answer; 0 if there was none."""
        content, headers = signed
        try:
            url = f"{gateway.url}/webhooks/{fate.workspace}"
            status = (await self._client.post(url, content=content, headers=headers, timeout=ANSWER_SECONDS)).status_code
        except (httpx2.HTTPError, AttributeError):
            # The HTTP client raises AttributeError if a connection is reset while it is being opened.
            return 0
        if status == 200:
            self._records.answered.add((fate.workspace, json.loads(content)["event_id"]))
        return status

    def _count(self, fault: str) -> None:
        self._records.injected[fault] += 1
