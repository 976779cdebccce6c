"""A short run of `make smuggle` through each installed proxy. test_comparison.py and the option `--planted` show that faults would be found."""

import pytest

from tests.smuggle.proxies import PROXIES, Proxy
from tests.smuggle.run import through

STREAMS = 400


@pytest.mark.parametrize("proxy", [pytest.param(proxy, id=proxy.name) for proxy in PROXIES])
async def test_a_proxy_and_the_gateway_see_the_same_requests(
    proxy: Proxy, shared_database_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if proxy.path is None:
        pytest.skip(f"{proxy.name} is not installed")

    result, _ = await through(proxy, tmp_path_factory.mktemp(proxy.name), shared_database_uri, seed=7, indices=range(STREAMS))

    assert not result.disagreements
    assert result.parsed > STREAMS // 4
