"""Tests of the provider `external`: it takes the link and the id from the request."""

from dataclasses import replace

import pytest

from domain.errors import InvalidInput
from domain.request import ExternalProvider, ProviderReference
from providers.external import External
from tests.factories import REQUEST

URL = "https://provider.example/sessions/1"


@pytest.mark.parametrize("id", ["session-1", None])
async def test_a_started_verification_has_the_link_and_the_id_of_the_request(id: str | None) -> None:
    reference = await External().start("acme", "ver_1", replace(REQUEST, external=ExternalProvider(URL, id)))

    assert reference == ProviderReference("external", id, URL)


async def test_a_request_without_a_link_is_refused() -> None:
    with pytest.raises(InvalidInput, match="external is missing") as refused:
        await External().start("acme", "ver_1", REQUEST)

    assert refused.value.field == "external"
