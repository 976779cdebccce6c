"""Starts `gateway serve` with a bug that answers statistics with INTERNAL_SERVER_ERROR.

python -m tests.alerts.planted serve
"""

from typing import Any

from gateway.__main__ import main
from store import verifications


async def broken(*_: object) -> None:
    """The planted bug. It replaces the method that computes statistics, and raises an exception."""
    raise RuntimeError("a planted bug")


if __name__ == "__main__":
    planted: Any = verifications.Verifications
    planted.statistics = broken
    main()
