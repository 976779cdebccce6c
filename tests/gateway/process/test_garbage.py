"""Tests that full garbage collections, which take long, are rare while the process serves. Young garbage is collected as usual."""

import gc
import weakref

from gateway.process.garbage import NEVER, collected_seldom


class Circle:
    """An object that refers to itself, so only the garbage collector can free it."""

    def __init__(self) -> None:
        self.self = self


async def test_young_garbage_is_collected_and_the_settings_are_restored_afterwards() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()

    async with collected_seldom():
        assert gc.get_threshold()[2] == NEVER
        assert gc.get_freeze_count() > frozen
        circle = weakref.ref(Circle())
        kept = [[number] for number in range(100_000)]

    assert len(kept) == 100_000
    assert circle() is None, "young garbage was not collected"
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
