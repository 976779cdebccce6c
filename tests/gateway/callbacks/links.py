"""The sandbox's links, as a tester uses them."""

from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.serving import Gateway

CREATE = """
mutation ($input: CreateVerificationInput!) {
  createVerification(input: $input) { ... on Verification { id verificationUrl } ... on Refusal { message } }
}
"""
READ = """
query ($id: ID!) {
  verification(id: $id) {
    version status phase reasons { code } extractedDocument { fullName bornOn type issuingCountryCode }
    events { type actor toStatus reasons { code } }
  }
}
"""
JEANNE = {"firstName": "Jeanne", "lastName": "Moreau", "redirectionUrl": "https://shop.example/welcome?order=1", "reference": "order-1"}


async def created(gateway: Gateway, **changed: str) -> tuple[str, str]:
    """The id of a new verification, and the path of its link."""
    made = (await gateway.query(CREATE, {"input": {**JEANNE, **changed}}))["createVerification"]
    return made["id"], urlsplit(made["verificationUrl"]).path


async def read(gateway: Gateway, id: str) -> dict[str, Any]:
    """The verification as the API tells it."""
    found: dict[str, Any] = (await gateway.query(READ, {"id": id}))["verification"]
    return found


async def press(gateway: Gateway, path: str, **form: str | list[str]) -> httpx2.Response:
    """What a button answers."""
    return await gateway.client.post(path, data=form)
