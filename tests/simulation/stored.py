"""What a simulation stored in its gateway."""

from typing import Any

from simulation.client import Client
from simulation.credentials import Credentials

# Far faster than any demo: what takes people minutes takes a tenth of a second.
SPEED = 3000.0

STATISTICS = "{ verificationStats { total billable byStatus { status count } } }"

VERIFICATIONS = "{ verifications(first: 100) { edges { node { status anonymizedAt version events { version } } } } }"


async def found(credentials: Credentials) -> list[dict[str, Any]]:
    """The verifications that the gateway has."""
    async with Client(credentials.graphql, patience_seconds=5, on_fault=lambda fault: None) as client:
        page = await client.ask("integrator", credentials.tokens.integrator, VERIFICATIONS, {})
    return [edge["node"] for edge in page["edges"]]
