"""Who a caller is, told by a signed token."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OctKey
from joserfc.jwt import ClaimsOption

from domain.caller import Caller, FollowToken, Scope

ALGORITHM = "HS256"
FOLLOW = "follow"
WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
CACHED_TOKENS = 10_000
SCOPES = {scope.value: scope for scope in Scope}


class Unauthenticated(Exception):
    """No token, or none that can be trusted. Nothing is said of why."""


class Tokens:
    """Reads callers' tokens, and issues and reads the gateway's own follow tokens: those alone carry the key id "follow"."""

    def __init__(self, token_key: str, signing_key: str, now: Callable[[], datetime], issuer: str | None = None, audience: str | None = None) -> None:
        self._keys: dict[str | None, OctKey] = {None: OctKey.import_key(token_key), FOLLOW: OctKey.import_key(signing_key)}
        self._now = now
        required: dict[str, ClaimsOption] = {"exp": {"essential": True}, "workspace": {"essential": True}}
        expected: dict[str, ClaimsOption] = {
            name: {"essential": True, "value": value} for name, value in (("iss", issuer), ("aud", audience)) if value
        }
        self._claims = {
            None: jwt.JWTClaimsRegistry(self._seconds, 0, **required, **expected),
            FOLLOW: jwt.JWTClaimsRegistry(self._seconds, 0, **required, chain={"essential": True}),
        }
        # Checking a signature costs more than a whole point read: a token is looked at once, and its time at each use.
        self._trusted = lru_cache(CACHED_TOKENS)(self._verified)

    def caller(self, authorization: str | None) -> Caller:
        """The caller that an `Authorization: Bearer` value speaks for. Raises: Unauthenticated."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated
        caller = self._trusted(token.strip())
        if caller.expires_at is None or caller.expires_at <= self._now():
            raise Unauthenticated
        return caller

    def follow_token(self, issuer: Caller, chain: str, ttl: timedelta) -> FollowToken:
        """A token for one chain of the issuer's workspace."""
        expires_at = (self._now() + ttl).replace(microsecond=0)
        claims = {"sub": f"follower of {chain}", "workspace": issuer.workspace, "scope": Scope.FOLLOW.value, "chain": chain}
        return FollowToken(self._signed(claims, expires_at, FOLLOW), expires_at)

    def token(self, subject: str, workspace: str, scopes: list[Scope], ttl: timedelta, **claims: str) -> str:
        """A token as callers have them, for development and tests."""
        told = {"sub": subject, "workspace": workspace, "scope": " ".join(scope.value for scope in scopes), **claims}
        return self._signed(told, self._now() + ttl, None)

    def _signed(self, claims: dict[str, Any], expires_at: datetime, key_id: str | None) -> str:
        header = {"alg": ALGORITHM} | ({"kid": key_id} if key_id else {})
        times = {"iat": self._seconds(), "exp": int(expires_at.timestamp())}
        return jwt.encode(header, claims | times, self._keys[key_id], [ALGORITHM])

    def _seconds(self) -> int:
        return int(self._now().timestamp())

    def _verified(self, token: str) -> Caller:
        """The caller of a token whose signature and claims hold. The time is asked anew at each use."""
        try:
            opened = jwt.decode(token, self._key, [ALGORITHM])
            key_id = FOLLOW if opened.header.get("kid") == FOLLOW else None
            self._claims[key_id].validate(opened.claims)
            return _caller(opened.claims, follows=key_id == FOLLOW)
        except (JoseError, ValueError, TypeError, KeyError, OverflowError):
            raise Unauthenticated from None

    def _key(self, token: GuestProtocol) -> OctKey:
        # The header chooses between two keys of ours, and nothing else in it is followed.
        return self._keys[FOLLOW if token.headers().get("kid") == FOLLOW else None]


def _caller(claims: dict[str, Any], follows: bool) -> Caller:
    workspace = claims["workspace"]
    if not isinstance(workspace, str) or not WORKSPACE.fullmatch(workspace):
        raise ValueError("workspace")
    scopes = frozenset(SCOPES[scope] for scope in str(claims.get("scope", "")).split() if scope in SCOPES)
    return Caller(
        subject=str(claims.get("sub", "")),
        workspace=workspace,
        # Only the gateway itself confines a token to a chain: a follow scope from elsewhere would be one for all chains.
        scopes=frozenset({Scope.FOLLOW}) if follows else scopes - {Scope.FOLLOW},
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        chain=str(claims["chain"]) if follows else None,
    )


def deadline(caller: Caller) -> float | None:
    """The event loop's time at which the caller's token expires."""
    if caller.expires_at is None:
        return None
    return asyncio.get_running_loop().time() + (caller.expires_at - datetime.now(UTC)).total_seconds()
