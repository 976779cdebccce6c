"""The context that resolvers receive: the services of the process, and the state of one operation."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import strawberry
from strawberry.dataloader import DataLoader

from domain.act import Act
from domain.caller import Caller, FollowToken
from domain.verification import Verification
from lifecycle.changes import Changes
from lifecycle.deliveries import OutgoingWebhooks
from lifecycle.observed_links import ObservedLinks
from resolvers.counting import Budgets
from resolvers.marks import Marked
from store.feed import Feed
from store.listener import Outlet
from store.verifications import Store, Verifications

# Writes into the audit log that a caller did something with the verifications that have these ids.
RecordAct = Callable[[Caller, Act, Collection[str]], None]


def nothing_recorded(caller: Caller, act: Act, verification_ids: Collection[str]) -> None:
    """Does nothing. It is called instead of an audit log if there is no audit log."""


def nothing_counted(code: str) -> None:
    """Does nothing. It is called instead of the metric of refused mutations in processes without metrics."""


@dataclass(frozen=True, slots=True)
class Services:
    """The objects that all operations of the process share.

    `fingerprint`: computes the fingerprint of an input. `follow_token`: issues a follow token; its arguments are the caller who requested it, the
    chain and the token's lifetime. `record`: writes into the audit log. `count_refusal`: counts a refused mutation, by the code of its refusal.
    """

    store: Store
    feed: Feed
    changes: Changes
    links: ObservedLinks
    outgoing: OutgoingWebhooks
    fingerprint: Callable[[str], str]
    follow_token: Callable[[Caller, str, timedelta], FollowToken]
    budgets: Budgets
    record: RecordAct = nothing_recorded
    count_refusal: Callable[[str], None] = nothing_counted


class Context:
    """The state of one operation, or of one event of a subscription.

    Each event of a subscription needs its own context, because a context caches the chains of attempts that it has read. At the next event, these
    would be outdated. `last_mark`: for a subscription that resumes, the mark of the last message that the client received; otherwise None.
    """

    __slots__ = ("_chains", "_verifications", "caller", "last_mark", "outlet", "refused_personal_data", "services")

    def __init__(self, services: Services, caller: Caller, last_mark: str | None = None, outlet: Outlet[Marked] | None = None) -> None:
        self.services = services
        self.caller = caller
        self.last_mark = last_mark
        # For a subscription: sends a message at once, without waking the generator. None if messages can only come from the generator.
        self.outlet = outlet
        self._verifications: Verifications | None = None
        self._chains: DataLoader[str, list[Verification]] | None = None
        self.refused_personal_data = False

    @property
    def recording(self) -> frozenset[str]:
        """The fields at which ids of verifications are recorded for the audit log (see gateway/operations/audited.py). This context has none."""
        return frozenset()

    def record_read(self, id: str) -> None:
        """Does nothing. An `AuditedContext` records the verification with this id, whose personal data or internal reasons are read."""

    @property
    def verifications(self) -> Verifications:
        """The verifications that the caller may read."""
        # The object is created on first use: most events of a subscription are sent without reading from the database.
        if not self._verifications:
            self._verifications = self.services.store.within(self.caller.workspace, self.caller.chain)
        return self._verifications

    def current(self, id: str, reading: frozenset[str] | None = None) -> Coroutine[Any, Any, Verification | None]:
        """The verification with this id; None if there is none that the caller may read. A deadline that has passed is applied first.

        `reading`: the attributes that are read; None for all.
        """
        return self.services.changes.current(self.verifications, id, reading)

    def required(self, id: str) -> Coroutine[Any, Any, Verification]:
        """The verification with this id. A deadline that has passed is applied first. Raises: NotFound if there is none that the caller may read."""
        return self.services.changes.required(self.verifications, id)

    def attempts(self, chain: str, reading: frozenset[str] | None) -> Awaitable[list[Verification]]:
        """The attempts of a chain, oldest first.

        `reading`: the attributes that are read; None for all. All calls within one operation must pass the same value.
        Cost: one query for all chains that the operation requests at the same time.
        """
        if not self._chains:
            self._chains = DataLoader(partial(self._attempts, reading))
        # Several fields may wait for the same chain: if one of them is cancelled, the others must still receive it.
        return asyncio.shield(self._chains.load(chain))

    async def _attempts(self, reading: frozenset[str] | None, chains: list[str]) -> list[list[Verification]]:
        found = defaultdict(list)
        for verification in await self.verifications.chains(chains, reading):
            found[verification.chain].append(verification)
        return [found[chain] for chain in chains]


class AuditedContext(Context):
    """The context of an operation whose reads are recorded for the audit log. `read`: the ids of the verifications that were read so far."""

    __slots__ = ("_recording", "read")

    def __init__(self, services: Services, caller: Caller, recording: frozenset[str]) -> None:
        super().__init__(services, caller)
        self._recording = recording
        self.read: set[str] = set()

    @property
    def recording(self) -> frozenset[str]:
        """The names of the fields at which ids of verifications are recorded for the audit log."""
        return self._recording

    def record_read(self, id: str) -> None:
        """Add the id of a verification that is read to `read`."""
        self.read.add(id)


Info = strawberry.Info[Context, None]
