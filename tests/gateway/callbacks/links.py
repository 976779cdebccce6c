"""Creates verifications, and presses the buttons on the pages behind their sandbox links, as a person does who tries out the sandbox."""

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


async def create_link(gateway: Gateway, **changed: str) -> tuple[str, str]:
    """Create a verification. Returns its id and the path of its link."""
    verification = (await gateway.query(CREATE, {"input": {**JEANNE, **changed}}))["createVerification"]
    return verification["id"], urlsplit(verification["verificationUrl"]).path


async def read_verification(gateway: Gateway, id: str) -> dict[str, Any]:
    """Read a verification through the API, to see what a pressed button has changed. Returns the fields that READ selects."""
    verification: dict[str, Any] = (await gateway.query(READ, {"id": id}))["verification"]
    return verification


async def press(gateway: Gateway, path: str, **form: str | list[str]) -> httpx2.Response:
    """Press a button on the page at this path, by submitting its form. Returns the response."""
    return await gateway.client.post(path, data=form)
