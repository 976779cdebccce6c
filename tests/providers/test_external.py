"""Tests of the provider `external`: the link and the id come from the integrator's request to create a verification."""

from dataclasses import replace

import pytest

from domain.errors import InvalidInput
from domain.request import ExternalProvider, ProviderReference
from domain.requirements import Requirements
from providers.external import External
from providers.port import Start
from tests.factories import REQUEST

URL = "https://provider.example/sessions/1"


@pytest.mark.parametrize("id", ["session-1", None])
async def test_a_started_verification_has_the_link_and_the_id_of_the_request(id: str | None) -> None:
    reference = await External().start(Start("acme", "ver_1", replace(REQUEST, external=ExternalProvider(URL, id)), URL))

    assert reference == ProviderReference("external", id, URL)


async def test_a_request_without_a_link_is_refused() -> None:
    with pytest.raises(InvalidInput, match="external is missing") as refused:
        await External().start(Start("acme", "ver_1", REQUEST, URL))

    assert refused.value.field == "external"


async def test_requirements_are_refused_since_the_integrator_starts_the_verification() -> None:
    request = replace(REQUEST, external=ExternalProvider(URL), requirements=Requirements(min_age=18))

    with pytest.raises(InvalidInput, match="requirements is not for the provider external") as refused:
        External().check(request)

    assert refused.value.field == "requirements"
