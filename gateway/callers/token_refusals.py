"""Counts and logs the tokens that are refused, by cause. A token's content is never logged."""

import logging
from collections import Counter
from enum import StrEnum

from gateway.callers.buckets import Bucket

logger = logging.getLogger(__name__)

# How many refusals are logged per second, and at once. Any client can cause a refusal, so without a limit any client could fill the log. The metric
# counts all refusals.
LOGGED_PER_SECOND, LOGGED_AT_ONCE = 5, 50


class TokenFault(StrEnum):
    """Why a token was refused."""

    MISSING = "missing"  # There is no `Authorization` header with a bearer token.
    TOO_LONG = "too long"
    MALFORMED = "malformed"  # It is not a JWT, or its header or its claims are not the JSON that they must be.
    UNKNOWN_KEY = "unknown key"  # No trusted key has the id that the token names, or no key may be used with its algorithm.
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    LIFETIME = "lifetime"  # It is valid for longer than GATEWAY_TOKEN_MAX_SECONDS allows.
    ISSUER = "issuer"
    AUDIENCE = "audience"
    CLAIMS = "claims"  # A required claim other than `iss` and `aud` is missing, or a claim has a value that it can't have.
    KEYS_UNAVAILABLE = "keys unavailable"  # The issuer's keys have not been fetched yet. The client receives UNAVAILABLE.


class TokenRefusals:
    """Counts the tokens that this process refused, by cause, and logs them at a limited rate."""

    def __init__(self, log_limit: Bucket | None = None) -> None:
        self.counts: Counter[TokenFault] = Counter()
        self._log_limit = log_limit or Bucket(LOGGED_PER_SECOND, LOGGED_AT_ONCE)
        self._unlogged = 0

    def refused(self, fault: TokenFault) -> None:
        """Count a refusal, and log it with its cause, unless too many were logged just now."""
        self.counts[fault] += 1
        if self._log_limit.missing(1, self._log_limit.now()):
            self._unlogged += 1
            return
        self._log_limit.charge(1)
        unlogged, self._unlogged = self._unlogged, 0
        logger.info("a token was refused: %s%s", fault.value, f" ({unlogged} earlier refusals were not logged)" if unlogged else "")
