"""A short run of the ledger with some quick faults. The checker must find no breach.

test_checker.py and runs with `--planted` show that the checker finds breaches.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ledger import cluster
from tests.ledger.cluster import Cluster
from tests.ledger.report import figures, text
from tests.ledger.run import Plan, ledger, proxies

SMALL = Plan(seed=7, minutes=10, faults=7, quick=True, subscribers=0.4, writers=8, pause_seconds=0.5, quiet_seconds=2, link_window_seconds=4)


@pytest.fixture(scope="module")
async def replica_set(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """A replica set with three members, shared by the tests of this file."""
    with proxies() as opened:
        async with cluster.running(tmp_path_factory.mktemp("replica-set"), opened) as running:
            yield running


async def test_no_write_or_message_is_lost_or_duplicated_during_faults(replica_set: Cluster, tmp_path: Path) -> None:
    outcome = await ledger(SMALL, replica_set, tmp_path, "kept", print)

    assert not outcome.findings, text(figures(outcome))
    assert len(outcome.faults) == SMALL.faults
    assert outcome.documents
