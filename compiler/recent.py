"""What was used recently, in a bounded memory."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Recent(Generic[K, T]):
    """Values by their keys, each of a length in characters. Those used least recently are forgotten."""

    def __init__(self, most: int, max_characters: int) -> None:
        self._max = most
        self._max_characters = max_characters
        self._kept: OrderedDict[K, tuple[T, int]] = OrderedDict()
        self._characters = 0

    def __contains__(self, key: K) -> bool:
        return key in self._kept

    def get(self, key: K) -> T | None:
        """The value, which now is the one used last."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def keep(self, key: K, value: T, characters: int) -> None:
        """Keep a value, and forget others where that is too much."""
        if key in self._kept:
            self._characters -= self._kept.pop(key)[1]
        self._kept[key] = value, characters
        self._characters += characters
        while len(self._kept) > self._max or self._characters > self._max_characters:
            _, (_, freed) = self._kept.popitem(last=False)
            self._characters -= freed
