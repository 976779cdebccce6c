"""Reads the verifications that a simulation created."""

from typing import Any

from simulation.client import Client
from simulation.credentials import Credentials

# The speed of simulations in tests, far faster than in a demo: five minutes of a simulated life take a tenth of a second.
SPEED = 3000.0

STATISTICS = "{ verificationStats { total billable byStatus { status count } } }"

VERIFICATIONS = "{ verifications(first: 100) { edges { node { status anonymizedAt version events { version } } } } }"


async def stored_verifications(credentials: Credentials) -> list[dict[str, Any]]:
    """The verifications that the gateway stores for the integrator, at most 100."""
    async with Client(credentials.graphql, patience_seconds=5, on_fault=lambda fault: None) as client:
        page = await client.execute("integrator", credentials.tokens.integrator, VERIFICATIONS, {})
    return [edge["node"] for edge in page["edges"]]
