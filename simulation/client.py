"""A GraphQL client over HTTP. After a transient fault, it sends the request again. For other faults, it raises errors that say what to do."""

import asyncio
import random
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from simulation.errors import Refused, SimulationError, TokenRefused, UnexpectedResponse, Unreachable

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
TRANSIENT_ERRORS = frozenset({"UNAVAILABLE", "TIMEOUT", "RATE_LIMITED", "INTERNAL_SERVER_ERROR"})
TRANSIENT_REFUSALS = frozenset({"CONFLICT", "PROVIDER_UNAVAILABLE"})

RESPONSE_SECONDS = 15.0
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.1, 5.0
# The pool of httpx2 scans all of its connections at each request, so more connections make requests slower.
MAX_CONNECTIONS = 16


class TransientFault(Exception):
    """A fault after which a retry is likely to succeed. `pause_seconds` is how long the server asks to wait (`Retry-After`), 0 if it does not ask."""

    def __init__(self, fault: str, pause_seconds: float = 0.0) -> None:
        super().__init__(fault)
        self.pause_seconds = pause_seconds


class Client:
    """A client of a gateway's GraphQL endpoint. Its connection pool is open while the `async with` block runs."""

    def __init__(self, url: str, *, patience_seconds: float, on_fault: Callable[[str], None]) -> None:
        self.url = url
        self._patience_seconds = patience_seconds
        self._on_fault = on_fault
        self._http = httpx2.AsyncClient(
            # `pool=None`: a request may wait for a free connection of the pool for any time. RESPONSE_SECONDS limits only the request itself.
            timeout=httpx2.Timeout(RESPONSE_SECONDS, pool=None),
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
            # For a gateway on this machine, ignore the environment variables that configure a proxy: a proxy can't reach loopback addresses.
            trust_env=httpx2.URL(url).host not in LOCAL_HOSTS,
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def execute(self, party: str, token: str, operation: str, variables: dict[str, Any]) -> Any:
        """Execute an operation with a single root field, and return the value of that field. `party` names the caller in error messages.

        After a transient fault, the operation is sent again. The operation must therefore be idempotent.
        Raises: Refused, TokenRefused, UnexpectedResponse. Unreachable if transient faults last longer than `patience_seconds`.
        """
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._patience_seconds
        fault_number = 0
        while True:
            try:
                return self._value(party, await self._post(token, operation, variables))
            except TransientFault as fault:
                self._on_fault(str(fault))
                pause = max(fault.pause_seconds, _pause(fault_number))
                if loop.time() + pause > give_up_at:
                    raise Unreachable(self.url, str(fault)) from None
                await asyncio.sleep(pause)
                fault_number += 1

    async def _post(self, token: str, operation: str, variables: dict[str, Any]) -> httpx2.Response:
        try:
            return await self._http.post(
                self.url,
                json={"query": operation, "variables": variables},
                headers={"Authorization": f"Bearer {token}", "Accept": "application/graphql-response+json, application/json"},
            )
        except httpx2.InvalidURL as error:
            raise UnexpectedResponse(self.url, str(error)) from None
        except httpx2.TransportError as error:
            raise TransientFault(str(error) or type(error).__name__) from None

    def _value(self, party: str, response: httpx2.Response) -> Any:
        if response.status_code == 401:
            raise TokenRefused(party, "HTTP 401")
        if response.status_code in TRANSIENT_STATUS:
            raise TransientFault(f"HTTP {response.status_code}", _retry_after(response))
        match _json(response):
            case {"errors": [{"message": str(message), **rest}, *_]}:
                raise self._failure(party, rest, message)
            case {"data": {**data}} if data:
                value = next(iter(data.values()))
            case _:
                raise UnexpectedResponse(
                    self.url, f"HTTP {response.status_code} without data or errors; check that this is the address of `/graphql`"
                )
        if isinstance(value, dict) and value.get("__typename") == "Refusal":
            if value["code"] in TRANSIENT_REFUSALS:
                raise TransientFault(f"{value['code']}: {value['message']}")
            raise Refused(value["code"], value["message"], value.get("field"))
        return value

    def _failure(self, party: str, error: Mapping[Any, Any], message: str) -> SimulationError | TransientFault:
        code = (error.get("extensions") or {}).get("code", "an error without a code")
        if code in ("UNAUTHENTICATED", "FORBIDDEN"):
            return TokenRefused(party, message)
        return TransientFault(f"{code}: {message}") if code in TRANSIENT_ERRORS else UnexpectedResponse(self.url, f"{code}: {message}")


def _pause(fault_number: int) -> float:
    return min(MIN_PAUSE_SECONDS * 2.0 ** min(fault_number, 10), MAX_PAUSE_SECONDS) * random.uniform(0.5, 1.0)


def _json(response: httpx2.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None


def _retry_after(response: httpx2.Response) -> float:
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isascii() and seconds.isdigit() else 0.0
