"""A short drill with two faults. `make drill` injects all faults behind both proxies."""

from pathlib import Path

from tests.deploying.recipes import executable
from tests.drill.faults import GATEWAY_RESTARTED, PRIMARY_KILLED
from tests.drill.run import drill
from tests.ledger import cluster
from tests.ledger.run import proxies


async def test_no_request_fails_while_a_gateway_restarts_and_the_primary_is_killed(tmp_path: Path) -> None:
    executable("nginx")
    with proxies() as opened:
        async with cluster.running(tmp_path, opened) as running:
            rows, findings = await drill("nginx", [GATEWAY_RESTARTED, PRIMARY_KILLED], running, tmp_path, print)

    assert findings == []
    assert [(row.fault.name, dict(row.failed)) for row in rows] == [(GATEWAY_RESTARTED.name, {}), (PRIMARY_KILLED.name, {})]
    assert all(row.requests > 100 for row in rows)
