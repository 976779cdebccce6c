"""Charges for requests and messages before their operation is determined.

The client's address is charged until the token is verified. After that, the caller is charged.
"""

import logging
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from domain.caller import Caller
from gateway.callers.admission import line
from gateway.callers.buckets import Bucket, Buckets
from gateway.callers.rate import CountRefusal, Rate, limited
from gateway.errors import RequestRefused

logger = logging.getLogger(__name__)

# What a request, or a message on a WebSocket, costs at least.
LEAST_COST = 1
# The number of characters for which the caller pays 1, in addition to the cost of the operation. Shorter requests and messages cost nothing more.
# The price is 1, because parsing JSON of this length takes about as long as a read by id, which costs 1.
CHARACTERS_PER_EXTRA_COST = 8192
ADDRESS_USED_UP = "too many requests without a valid token came from this address; wait for `retryAfterMs`, then try again"
MAX_PRIVATE_CACHE = 4096


class Charging:
    """Charges callers and addresses. `addresses`: the buckets of addresses. All addresses of one subscriber line (`line` in admission.py) share one.

    When the bucket of an address is empty, requests from the address are refused. Requests whose token was verified before are still accepted, since
    innocent clients may share the address. Behind a proxy that is not in `proxies`, all clients share the address of the proxy.
    """

    def __init__(self, rate: Rate, addresses: Buckets, proxies: Sequence[str], count_refused: CountRefusal) -> None:
        self._rate = rate
        self._addresses = addresses
        self._count_refused = count_refused
        # uvicorn's middleware finds the client's address with this list of trusted proxies. Requests on the fast path skip the middleware, so the
        # method `address` uses the list too.
        app: Any = None
        self._proxies = ProxyHeadersMiddleware(app, [*proxies]).trusted_hosts if proxies else None
        self._warned = False
        # The kinds of addresses from which new tokens came: True for addresses of private networks, False for all others.
        self._kinds: set[bool] = set()

    def sees_only_private_addresses(self) -> bool:
        """Whether new tokens were received, all of them from addresses of private networks, and no proxy is trusted.

        Then the addresses are probably those of a proxy, and not those of the clients.
        """
        return self._kinds == {True} and self._proxies is None

    def begin(self, caller: Caller) -> None:
        """Take LEAST_COST from a caller whose request begins. Raises: RequestRefused if the caller can't pay it."""
        if wait_seconds := self._rate.take(caller, LEAST_COST):
            self._count_refused("rate")
            raise limited(wait_seconds)

    def charge_length(self, caller: Caller, characters: int) -> None:
        """Charge a caller for a long request or message that was parsed: 1 for every CHARACTERS_PER_EXTRA_COST characters."""
        if characters >= CHARACTERS_PER_EXTRA_COST:
            self._rate.charge(caller, characters // CHARACTERS_PER_EXTRA_COST)

    async def pay_message(self, caller: Caller) -> None:
        """Wait until a caller can pay LEAST_COST for a message, and take it. This payment goes before all payments of the caller that wait."""
        if not self._rate.take_at_once(caller, LEAST_COST):
            await self._rate.pay(caller, LEAST_COST, first=True)

    def check_address(self, address: str) -> None:
        """Check that a new token from this address may be verified. Raises: RequestRefused if the bucket of the address is empty."""
        self._kinds.add(is_private(address))
        if wait_seconds := self._missing(address):
            raise self._limited(wait_seconds, address)

    def refused(self, address: str, refusal: RequestRefused) -> RequestRefused:
        """Charge an address for a request that was refused before a token was verified. Returns the refusal to send.

        If the bucket of the address is empty, the client receives a refusal with RATE_LIMITED instead of `refusal`.
        Refusals that are not the client's fault (status 5xx), and those because of a used-up rate (429), are not charged.
        """
        if refusal.status >= 500 or refusal.status == 429:
            return refusal
        if wait_seconds := self.charge_address(address):
            return self._limited(wait_seconds, address)
        return refusal

    def charge_address(self, address: str) -> float:
        """Charge an address for a request or WebSocket that ended before a token was verified.

        Returns 0 if its bucket held enough. Otherwise nothing is taken, and the result is the number of seconds until the bucket holds enough.
        """
        wait_seconds = self._missing(address)
        if not wait_seconds:
            self._of(address).charge(LEAST_COST)
        return wait_seconds

    def address(self, scope: Scope) -> str:
        """The client's IP address: that of the other end of the connection, or the one that a trusted proxy reports. Empty if it is unknown."""
        client = scope.get("client")
        host: str = client[0] if client else ""
        if self._proxies is None or host not in self._proxies:
            return host
        forwarded = b", ".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
        return self._proxies.get_trusted_client_address(forwarded)[0] or host

    def _of(self, address: str) -> Bucket:
        key = line(address)
        return self._addresses.get(key) or self._addresses.add(key)

    def _missing(self, address: str) -> float:
        bucket = self._of(address)
        return bucket.missing(LEAST_COST, bucket.now())

    def _limited(self, wait_seconds: float, address: str) -> RequestRefused:
        self._count_refused("address")
        if not self._warned and is_private(address):
            self._warned = True
            logger.warning(
                "an address of a private network sent so many requests without a valid token that further ones are refused; if it is a proxy, "
                "all clients behind it share this limit: name it in GATEWAY_TRUSTED_PROXIES"
            )
        return limited(wait_seconds, ADDRESS_USED_UP)


@lru_cache(MAX_PRIVATE_CACHE)
def is_private(address: str) -> bool:
    """Whether an address belongs to a private network or to this machine. A text that is no IP address counts as private."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return True
    return parsed.is_private
