"""Starts `gateway serve` with a bug that the soak must find: this shows that the soak can find bugs of this kind.

python -m tests.soak.planted NAME
"""

import sys
from dataclasses import replace
from typing import Any

from gateway.__main__ import main
from lifecycle.intake import Intake


def drops_the_sweep() -> None:
    """The bug: the sweep of the inbox finds nothing, so a webhook of a process that was killed is never applied."""

    async def nothing(after: object) -> list[Any]:
        return []

    intake: Any = Intake
    original = intake.chore.fget
    intake.chore = property(lambda self: replace(original(self), due=nothing))


BUGS = {
    "drops-the-sweep": drops_the_sweep,
}

if __name__ == "__main__":
    BUGS[sys.argv.pop()]()
    sys.argv.append("serve")
    main()
