"""Subscribers who are told the same: of the same operation, with the same variables and the same rights. What one of them is told is made once."""

from collections.abc import Hashable
from weakref import WeakValueDictionary

import orjson

from domain.caller import Caller
from gateway.operations.documents import Operation
from resolvers.marks import Marked

# Of a thousand who are told of the same event, the slowest few need it again.
MOST_KEPT = 16


class Group:
    """What was told of the last events. An event is known by its identity, and kept as long as what was told of it.

    `waits`: the answer had to be waited for, so that it isn't shared: each is told what is true when they are.
    """

    __slots__ = ("__weakref__", "_told", "waits")

    def __init__(self) -> None:
        self.waits = False
        self._told: dict[Hashable, tuple[Marked, bytes]] = {}

    def told(self, event: Marked) -> bytes | None:
        """The response that was made of an event, where it still is here."""
        known = self._told.get(event.identity)
        return known[1] if known else None

    def keep(self, event: Marked, content: bytes) -> None:
        """Keep a response that depends on nothing but its event."""
        if len(self._told) >= MOST_KEPT:
            del self._told[next(iter(self._told))]
        self._told[event.identity] = event, content


class Groups:
    """The groups that have subscribers."""

    def __init__(self) -> None:
        self._groups: WeakValueDictionary[Hashable, Group] = WeakValueDictionary()

    def of(self, operation: Operation, caller: Caller) -> Group:
        """The group to which a caller's subscription belongs, for as long as somebody holds it."""
        # Whatever decides what is told belongs in here: who is told something that was made for somebody else has seen too much.
        rights = caller.workspace, caller.chain, caller.scopes
        key = (operation.known, inner_variables(operation), operation.tells_cost, *rights)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group()
        return group


def inner_variables(operation: Operation) -> bytes:
    """The variables that are used below the root's fields. Those of their own arguments decide which events there are, not what is told of them."""
    inner = operation.known.inner
    return orjson.dumps({name: value for name, value in operation.variables.items() if name in inner}, option=orjson.OPT_SORT_KEYS)
