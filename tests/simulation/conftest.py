"""The fixture with the credentials that the simulation needs for the gateway of a test."""

import pytest

from domain.caller import Scope
from simulation.credentials import Credentials, Tokens
from tests.serving import ACME, Gateway


@pytest.fixture
def credentials(gateway: Gateway) -> Credentials:
    """The credentials of the test's gateway, with a token for each role."""
    tokens = Tokens(integrator=gateway.token(), provider=gateway.token(Scope.REPORT), operator=gateway.token(Scope.READ, Scope.SENSITIVE))
    return Credentials(gateway.url, f"{gateway.url}/graphql", gateway.websocket, ACME, tokens)
