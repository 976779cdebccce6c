"""A short run of the soak. The checker must find no violation.

test_checker.py and runs with `--planted` show that the checker finds violations.
"""

from pathlib import Path

from tests.soak.report import figures, text
from tests.soak.run import Plan, soak

SMALL = Plan(seed=7, verifications=40, gateways=2, per_second=8, grace_seconds=2)


async def test_nothing_is_lost_between_the_provider_and_the_backend(database_uri: str, database_name: str, tmp_path: Path) -> None:
    result = await soak(SMALL, database_uri, database_name, tmp_path, print)

    assert not result.findings, text(figures(result))
    assert len(result.records.documents) == SMALL.verifications
    print(text(figures(result)))
