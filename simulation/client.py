"""GraphQL over HTTP, with patience: what passes by itself is tried again, what doesn't is an error that says what to do."""

import asyncio
import random
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from simulation.errors import Misunderstood, Refused, SimulationError, TokenRefused, Unreachable

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
PASSING_ERRORS = frozenset({"UNAVAILABLE", "TIMEOUT", "RATE_LIMITED", "INTERNAL_SERVER_ERROR"})
PASSING_REFUSALS = frozenset({"CONFLICT", "PROVIDER_UNAVAILABLE"})

ANSWER_SECONDS = 15.0
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0
# The pool looks through all of its connections at each call, so that more of them are slower.
MAX_CONNECTIONS = 16


class Passing(Exception):
    """A fault that is likely gone soon; the server may have said when."""

    def __init__(self, fault: str, pause_seconds: float = 0.0) -> None:
        super().__init__(fault)
        self.pause_seconds = pause_seconds


class Client:
    """A gateway's GraphQL endpoint, over a pool of connections that is held while the `async with` lasts."""

    def __init__(self, url: str, *, patience_seconds: float, on_fault: Callable[[str], None]) -> None:
        self.url = url
        self._patience_seconds = patience_seconds
        self._on_fault = on_fault
        self._http = httpx2.AsyncClient(
            # A call waits for its turn as long as it takes: only the answer has to come in time.
            timeout=httpx2.Timeout(ANSWER_SECONDS, pool=None),
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
            # A proxy that the environment names can't reach this machine's own addresses.
            trust_env=httpx2.URL(url).host not in LOCAL_HOSTS,
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def ask(self, party: str, token: str, operation: str, variables: dict[str, Any]) -> Any:
        """The value of the operation's only field.

        The operation may be sent several times, and so must be one that does the same if it is.
        Raises: Refused, TokenRefused, Misunderstood; Unreachable once patience has run out.
        """
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._patience_seconds
        fault_number = 0
        while True:
            try:
                return self._value(party, await self._answer(token, operation, variables))
            except Passing as fault:
                self._on_fault(str(fault))
                pause = max(fault.pause_seconds, _pause(fault_number))
                if loop.time() + pause > give_up_at:
                    raise Unreachable(self.url, str(fault)) from None
                await asyncio.sleep(pause)
                fault_number += 1

    async def _answer(self, token: str, operation: str, variables: dict[str, Any]) -> httpx2.Response:
        try:
            return await self._http.post(
                self.url,
                json={"query": operation, "variables": variables},
                headers={"Authorization": f"Bearer {token}", "Accept": "application/graphql-response+json, application/json"},
            )
        except httpx2.InvalidURL as error:
            raise Misunderstood(self.url, str(error)) from None
        except httpx2.TransportError as error:
            raise Passing(str(error) or type(error).__name__) from None

    def _value(self, party: str, response: httpx2.Response) -> Any:
        if response.status_code == 401:
            raise TokenRefused(party, "HTTP 401")
        if response.status_code in PASSING_STATUS:
            raise Passing(f"HTTP {response.status_code}", _retry_after(response))
        match _json(response):
            case {"errors": [{"message": str(message), **rest}, *_]}:
                raise self._failure(party, rest, message)
            case {"data": {**data}} if data:
                value = next(iter(data.values()))
            case _:
                raise Misunderstood(self.url, f"HTTP {response.status_code} without data or errors; is this the address of `/graphql`?")
        if isinstance(value, dict) and value.get("__typename") == "Refusal":
            if value["code"] in PASSING_REFUSALS:
                raise Passing(f"{value['code']}: {value['message']}")
            raise Refused(value["code"], value["message"])
        return value

    def _failure(self, party: str, error: Mapping[Any, Any], message: str) -> SimulationError | Passing:
        code = (error.get("extensions") or {}).get("code", "an error without a code")
        if code in ("UNAUTHENTICATED", "FORBIDDEN"):
            return TokenRefused(party, message)
        return Passing(f"{code}: {message}") if code in PASSING_ERRORS else Misunderstood(self.url, f"{code}: {message}")


def _pause(fault_number: int) -> float:
    return min(SHORTEST_PAUSE_SECONDS * 2.0 ** min(fault_number, 10), LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1.0)


def _json(response: httpx2.Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None


def _retry_after(response: httpx2.Response) -> float:
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isascii() and seconds.isdigit() else 0.0
