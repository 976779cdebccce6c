"""How seldom everything is looked through for garbage."""

import gc
import weakref

from gateway.process.garbage import NEVER, collected_seldom


class Circle:
    """Something that only the garbage collector can let go of."""

    def __init__(self) -> None:
        self.self = self


async def test_the_young_are_collected_all_the_while_and_all_is_as_before_afterwards() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()

    async with collected_seldom():
        assert gc.get_threshold()[2] == NEVER
        assert gc.get_freeze_count() > frozen
        circle = weakref.ref(Circle())
        kept = [[number] for number in range(100_000)]

    assert len(kept) == 100_000
    assert circle() is None, "nobody collected what was young"
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
