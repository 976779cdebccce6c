"""The ids of requests, and how headers and addresses are read."""

import pytest

from tests.company import Company
from tests.gateway.transports.test_http import ME, posted


@pytest.mark.parametrize("given", [None, "abcdefgh", "a.b_c-1234", "x" * 64])
async def test_a_request_keeps_its_id_or_is_given_one(company: Company, given: str | None) -> None:
    response = await posted(company, ME, **({"x_request_id": given} if given else {}))

    assert response.headers["x-request-id"] == given or (given is None and len(response.headers["x-request-id"]) == 32)


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space", "<script>", "a;b=cdefgh"])
async def test_an_id_that_is_not_safe_to_log_is_replaced(company: Company, given: str) -> None:
    assert (await posted(company, ME, x_request_id=given)).headers["x-request-id"] != given
