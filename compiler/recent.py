"""A cache of the values that were used most recently, within a bounded memory."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Recent(Generic[K, T]):
    """A cache of values by key. It drops the values that were used least recently.

    There are two limits: `max_values` for the number of values, and `max_characters` for the sum of the sizes that `keep` receives.
    """

    def __init__(self, max_values: int, max_characters: int) -> None:
        self._max_values = max_values
        self._max_characters = max_characters
        self._cached: OrderedDict[K, tuple[T, int]] = OrderedDict()
        self._characters = 0

    def __contains__(self, key: K) -> bool:
        return key in self._cached

    def get(self, key: K) -> T | None:
        """The value of a key; None if it is not cached. The value then counts as the most recently used."""
        found = self._cached.get(key)
        if found is None:
            return None
        self._cached.move_to_end(key)
        return found[0]

    def keep(self, key: K, value: T, characters: int) -> None:
        """Cache a value. `characters` is its size. Then drop the least recently used values until both limits hold again."""
        if key in self._cached:
            self._characters -= self._cached.pop(key)[1]
        self._cached[key] = value, characters
        self._characters += characters
        while len(self._cached) > self._max_values or self._characters > self._max_characters:
            _, (_, freed) = self._cached.popitem(last=False)
            self._characters -= freed
