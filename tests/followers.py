"""A client that follows a chain of attempts with the cursor of the last message, over one connection after the other. It records all events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.serving import Gateway
from tests.streams import Stream, streaming
from tests.wire import Wire, wired

Transport = Literal["socket", "stream"]
FOLLOW = """
subscription($id: ID!, $after: Int, $cursor: String, $retries: Boolean! = true) {
  verificationUpdated(id: $id, after: $after, cursor: $cursor, followRetries: $retries) {
    cursor verification { id version status attempt } events { version }
  }
}
"""

Update = dict[str, Any]


class CutOff(Exception):
    """An event stream ended without `complete`."""


@dataclass(slots=True)
class ChainFollower:
    """Follows the attempts of a chain from its first event on. `versions`: for the id of each attempt, the versions of its events as they arrived."""

    id: str
    cursor: str | None = None
    versions: dict[str, list[int]] = field(default_factory=dict)

    @asynccontextmanager
    async def following(self, gateway: Gateway, token: str, transport: Transport) -> AsyncIterator[AsyncIterator[Update]]:
        """Open a connection, and resume after the last message. The updates end when the subscription completes."""
        if transport == "socket":
            async with wired(gateway, token) as wire:
                await wire.subscribe("1", FOLLOW, {"id": self.id, "cursor": self.cursor, "after": None if self.cursor else 0})
                yield self._from_socket(wire)
        else:
            # Resume as a browser's EventSource does: the URL never changes, and the header says where to resume.
            headers = {"last-event-id": self.cursor} if self.cursor else {}
            async with streaming(gateway, token, FOLLOW, id=self.id, after=0, headers=headers) as stream:
                yield self._from_stream(stream)

    async def _from_socket(self, wire: Wire) -> AsyncIterator[Update]:
        while (message := await wire.hear())["type"] == "next":
            yield self._received(message["payload"])
        assert message == {"type": "complete", "id": "1"}

    async def _from_stream(self, stream: Stream) -> AsyncIterator[Update]:
        while (event := await stream.event()).name == "next":
            update = self._received(event.data)
            assert event.id == update["cursor"]
            yield update
        if event.name != "complete":
            raise CutOff

    def _received(self, response: dict[str, Any]) -> Update:
        assert "errors" not in response, response
        update: Update = response["data"]["verificationUpdated"]
        verification, versions = update["verification"], [event["version"] for event in update["events"]]
        assert versions[-1:] in ([], [verification["version"]]), "the state is not the one after the last event"
        self.versions.setdefault(verification["id"], []).extend(versions)
        self.cursor = update["cursor"]
        return update
