"""The listeners of a feed, by what they listen to."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

from domain.verification import Verification
from store.listener import Change, Listener

Kind = Literal["id", "chain", "workspace"]
KINDS: tuple[Kind, ...] = ("id", "chain", "workspace")
# What a listener listens to: its kind, the workspace, and the id of the verification or chain.
Topic = tuple[Kind, str, str | None]

MAX_DELETED = 10_000


class Listeners:
    """Finds the listeners that a change concerns."""

    def __init__(self) -> None:
        self._by_topic: dict[Topic, set[Listener]] = defaultdict(set)
        # By the id of each followed verification: the topics that its deletion concerns. The change stream reports a deletion with the id alone,
        # without the workspace and the chain.
        self._topics: dict[str, tuple[Topic, ...]] = {}
        # For each chain that is followed: the ids of its attempts of which a change was delivered, or which `register` recorded.
        self._attempts: dict[Topic, set[str]] = {}
        # The ids that were deleted last. An attempt may be deleted after a subscriber to its chain has read it and before `register` records it.
        self._deleted: dict[str, None] = {}

    @contextmanager
    def listening(self, topic: Topic, listener: Listener) -> Iterator[Listener]:
        """A context in which the listener listens to the topic."""
        self._by_topic[topic].add(listener)
        if topic[2] is not None:
            if topic[0] == "chain":
                self._attempts.setdefault(topic, set())
            # The third element is the id of a verification, or that of a chain, which is also the id of the chain's first attempt.
            self._register(topic, topic[2])
        try:
            yield listener
        finally:
            self._by_topic[topic].discard(listener)
            if not self._by_topic[topic]:
                self._drop(topic)

    def values(self) -> Collection[set[Listener]]:
        """The listeners of each topic."""
        return self._by_topic.values()

    @property
    def followed(self) -> int:
        """The number of verifications that listeners follow."""
        return len(self._topics)

    def topics(self, kind: Kind) -> list[Topic]:
        """The topics of this kind that have listeners."""
        return [topic for topic in self._by_topic if topic[0] == kind]

    def attempts(self, topics: Iterable[Topic]) -> set[str]:
        """The ids of the verifications whose deletion concerns these topics."""
        return {id for topic in topics for id in self._attempts.get(topic, () if topic[2] is None else (topic[2],))}

    def register(self, workspace: str, chain: str, ids: Iterable[str]) -> None:
        """Record attempts of a chain, so that the chain's listeners learn of their deletion. `deliver` records the attempt that it delivers, too."""
        topic: Topic = ("chain", workspace, chain)
        if topic in self._attempts:
            for id in ids:
                self._register(topic, id)
                if id in self._deleted:
                    self.deleted(id)

    def deliver(
        self,
        verification: Verification,
        since: int,
        kinds: tuple[Kind, ...] = KINDS,
        restored: int | None = None,
        found: int | None = None,
    ) -> None:
        """Offer a changed verification to its listeners of these kinds, as a `Change` with these values of `since`, `restored` and `found`."""
        workspace = verification.workspace
        if self._deleted:
            self._deleted.pop(verification.id, None)
        topics: list[Topic] = [("id", workspace, verification.id), ("chain", workspace, verification.chain), ("workspace", workspace, None)]
        listening = [listeners for topic in topics if (listeners := self._by_topic.get(topic)) and topic[0] in kinds]
        if listening:
            if topics[1] in self._attempts:
                self._register(topics[1], verification.id)
            change = Change(verification, since, restored, found)
            # A state that may be a restored one is not offered to outlets: only the generator of a subscription can compare it with what the client
            # has received.
            take = Listener.offer if restored is found is None else Listener.store
            for listeners in listening:
                for listener in listeners:
                    take(listener, change)

    def deleted(self, id: str) -> None:
        """End the listeners that follow this verification or its chain, because its document was deleted. Listeners to the workspace go on."""
        self._deleted[id] = None
        if len(self._deleted) > MAX_DELETED:
            del self._deleted[next(iter(self._deleted))]
        for topic in self._topics.get(id, ()):
            for listener in self._by_topic[topic]:
                listener.lose(id)

    def replaced(self) -> None:
        """End the listeners to workspaces, because all verifications were replaced."""
        for topic in self.topics("workspace"):
            for listener in self._by_topic[topic]:
                listener.replace()

    def removed(self, workspace: str, id: str) -> None:
        """Offer the removal of a verification to the listeners of its workspace."""
        for listener in self._by_topic.get(("workspace", workspace, None), ()):
            listener.remove(id)

    def _register(self, topic: Topic, id: str) -> None:
        topics = self._topics.get(id, ())
        if topic not in topics:
            self._topics[id] = (*topics, topic)
        if topic in self._attempts:
            self._attempts[topic].add(id)

    def _drop(self, topic: Topic) -> None:
        ids = self.attempts([topic])
        del self._by_topic[topic]
        self._attempts.pop(topic, None)
        for id in ids:
            if rest := tuple(other for other in self._topics[id] if other != topic):
                self._topics[id] = rest
            else:
                del self._topics[id]
