"""Helpers for tests that run `gateway serve`: its settings, its port, tokens for it, and its log."""

import json
from datetime import timedelta

from domain.caller import Scope
from gateway.application import token_reader
from gateway.server import listening_socket
from store.verifications import utc_now
from tests.processes.process import Api, Command
from tests.serving import ACME, INTEGRATOR, ISSUER, KEYS, settings_for_tests


def free_port() -> int:
    """A TCP port on which nothing listens at the moment, for a gateway that starts later."""
    with listening_socket("127.0.0.1", 0) as bound:
        number: int = bound.getsockname()[1]
        return number


def settings_at(port: int) -> dict[str, str]:
    """All settings that `gateway serve` requires to listen on this port, as environment variables, except GATEWAY_MONGO_URI."""
    return {
        **{f"GATEWAY_{name.upper()}": key for name, key in KEYS.items()},
        "GATEWAY_TOKEN_ISSUER": ISSUER,
        "GATEWAY_PROVIDER": "sandbox",
        "GATEWAY_ALLOW_SANDBOX": "true",
        "GATEWAY_PORT": str(port),
        "GATEWAY_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }


def api_at(port: int, *scopes: Scope) -> Api:
    """A client of the gateway on this port. Its token has these scopes, or an integrator's scopes if none are named."""
    tokens = token_reader(settings_for_tests("mongodb://unused", port, token_issuer=ISSUER), utc_now)
    return Api(f"http://127.0.0.1:{port}", tokens.token("tester", ACME, list(scopes or INTEGRATOR), timedelta(hours=1)))


def logged(command: Command) -> list[dict[str, str]]:
    """The entries that the command has written to its log so far."""
    return [json.loads(line) for line in command.errors.read_text().splitlines()]
