"""A page of another origin makes a browser send requests without a CORS preflight. None may have an effect. Case S10 in tests/security/README.md."""

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from tests.company import PERSON, Company
from tests.security.transports import EVENT_STREAM, parameters, request_for

CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { __typename } }"
FEED = "subscription { verificationsUpdated { cursor } }"
MUTATION = request_for(CREATE, {"input": PERSON})
# The media types and bodies that HTML forms and scripts may send to another origin without a preflight.
SIMPLE: dict[str, tuple[str, bytes]] = {
    "text": ("text/plain", orjson.dumps(MUTATION)),
    "text with JSON in its media type's parameter": ("text/plain; application/json", orjson.dumps(MUTATION)),
    "a form": ("application/x-www-form-urlencoded", urlencode(parameters(MUTATION)).encode()),
    "an upload": (
        "multipart/form-data; boundary=b",
        b'--b\r\ncontent-disposition: form-data; name="operations"\r\n\r\n'
        + orjson.dumps(MUTATION)
        + b'\r\n--b\r\ncontent-disposition: form-data; name="map"\r\n\r\n{}\r\n--b--\r\n',
    ),
    "no media type": ("", orjson.dumps(MUTATION)),
}


@pytest.mark.parametrize("what", SIMPLE)
@pytest.mark.parametrize("accepted", [{}, EVENT_STREAM], ids=["JSON", "event stream"])
async def test_a_request_without_preflight_changes_nothing(company: Company, what: str, accepted: dict[str, str]) -> None:
    media, content = SIMPLE[what]
    token = company.token()
    statuses: list[int] = []
    # The first request has the token in a cookie, which browsers send by themselves. The second one has it in the `Authorization` header, which a
    # page of another origin cannot set without a preflight. Even the second request must be refused, because of its media type.
    for credentials in ({"cookie": f"token={token}; authorization=Bearer {token}"}, {"authorization": f"Bearer {token}"}):
        response = await company.gateway.client.post("/graphql", content=content, headers={"content-type": media, **credentials, **accepted})
        statuses.append(response.status_code)

    assert statuses == [401, 415]
    assert company.kept() == []


@pytest.mark.parametrize("accepted", [{}, EVENT_STREAM], ids=["JSON", "event stream"])
@pytest.mark.parametrize("operation", [CREATE, f"query A {{ me {{ subject }} }} {CREATE.replace('mutation', 'mutation B', 1)}"])
async def test_a_get_request_changes_nothing(company: Company, accepted: dict[str, str], operation: str) -> None:
    request: dict[str, Any] = {**MUTATION, "query": operation, "operationName": "B" if "query A" in operation else None}
    answers = [
        await company.gateway.client.request(method, "/graphql", params=parameters(request), headers={**credentials, **accepted})
        for method in ("GET", "HEAD")
        for credentials in ({}, {"authorization": f"Bearer {company.token()}"})
    ]

    assert [answer.status_code for answer in answers] == [401, 405, 401, 405]
    assert company.kept() == []


async def test_an_event_source_of_a_foreign_page_receives_nothing(company: Company) -> None:
    """A page cannot add headers to the request of an EventSource. The request therefore has no token, and must be refused."""
    headers = {**EVENT_STREAM, "cookie": f"token={company.token()}", "cache-control": "no-cache"}
    same_origin = await company.gateway.client.get("/graphql", params=parameters(request_for(FEED)), headers=headers)
    foreign = await company.gateway.client.get(
        "/graphql", params=parameters(request_for(FEED)), headers={**headers, "origin": "https://evil.example"}
    )

    assert [same_origin.status_code, foreign.status_code] == [401, 403]
    assert "access-control-allow-origin" not in foreign.headers


@pytest.mark.parametrize("name", ["x-http-method-override", "x-http-method", "x-method-override", "apollo-require-preflight"])
async def test_no_header_turns_a_get_into_a_post(company: Company, name: str) -> None:
    headers = {"authorization": f"Bearer {company.token()}", name: "POST"}
    response = await company.gateway.client.get("/graphql", params=parameters(MUTATION), headers=headers)

    assert response.status_code == 405
    assert company.kept() == []
