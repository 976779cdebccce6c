"""Callers' tokens: signed JWTs that identify a caller."""

import asyncio
import logging
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, OctKey
from joserfc.jwt import ClaimsOption

from compiler.recent import Recent
from domain.caller import Caller, FollowToken, Scope
from gateway.callers.keys import ALGORITHMS, IssuerKeys

logger = logging.getLogger(__name__)

SHARED = "HS256"
FOLLOW = "follow-"
WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
MAX_CHARACTERS = 8192
MAX_SUBJECT_CHARACTERS = 255
CACHED_TOKENS, CACHED_CHARACTERS = 10_000, 10_000_000
# For clocks that differ. It applies to `nbf` and `iat` only; `exp` has no leeway.
LEEWAY_SECONDS = 30
LONGEST_LIFE = timedelta(days=1)
SCOPES = {scope.value: scope for scope in Scope}


class Unauthenticated(Exception):
    """The token is missing, or can't be trusted. Clients do not learn the reason."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys and claims that make a token trusted: a key shared with the issuer, the keys that the issuer publishes, or both."""

    shared_key: str | None = None
    published: IssuerKeys | None = None
    issuer: str | None = None
    audience: str | None = None
    longest_life: timedelta = LONGEST_LIFE


class Tokens:
    """Reads callers' tokens, and issues and reads the gateway's own follow tokens.

    A follow token names one of the gateway's own keys in `kid`. The newest key signs; older keys only verify the tokens that they signed.
    """

    def __init__(self, trust: Trust, signing_keys: Iterable[str], now: Callable[[], datetime]) -> None:
        self._trust = trust
        self._shared_key = OctKey.import_key(trust.shared_key) if trust.shared_key else None
        self._own = {own_id(key): OctKey.import_key(key) for key in signing_keys}
        self._now = now
        required: dict[str, ClaimsOption] = {name: {"essential": True} for name in ("exp", "sub", "workspace")}
        expected: dict[str, ClaimsOption] = {
            name: {"essential": True, "value": value} for name, value in (("iss", trust.issuer), ("aud", trust.audience)) if value
        }
        self._claims = jwt.JWTClaimsRegistry(self._seconds, LEEWAY_SECONDS, **required, **expected)
        self._own_claims = jwt.JWTClaimsRegistry(self._seconds, 0, **required, chain={"essential": True})
        # Verifying a signature takes longer than reading a verification by its id: a token is verified once, and its expiry is checked at each use.
        self._trusted = Recent[str, Caller](CACHED_TOKENS, CACHED_CHARACTERS)

    def verified(self, authorization: str) -> Caller | None:
        """The caller of an `Authorization: Bearer` value, if its token was verified before and has not expired; else None."""
        caller = self._trusted.get(bearer(authorization))
        return caller if caller and self._holds(caller) else None

    async def caller(self, authorization: str | None) -> Caller:
        """The caller of an `Authorization: Bearer` value. Raises: Unauthenticated; KeysUnavailable if the token can't be verified now."""
        token = bearer(authorization or "")
        if not 0 < len(token) <= MAX_CHARACTERS:
            raise Unauthenticated
        caller = self._trusted.get(token)
        if not caller:
            caller = await self._verified(token)
            self._trusted.keep(token, caller, len(token))
        if not self._holds(caller):
            raise Unauthenticated
        return caller

    def _holds(self, caller: Caller) -> bool:
        return caller.expires_at is not None and caller.expires_at > self._now()

    def forget(self) -> None:
        """Verify every token again, because the keys have changed."""
        self._trusted = Recent(CACHED_TOKENS, CACHED_CHARACTERS)

    def follow_token(self, issuer: Caller, chain: str, ttl: timedelta) -> FollowToken:
        """A token for one chain of the issuer's workspace."""
        expires_at = (self._now() + ttl).replace(microsecond=0)
        claims = {"sub": f"follower of {chain}", "workspace": issuer.workspace, "scope": Scope.FOLLOW.value, "chain": chain}
        id, key = next(iter(self._own.items()))
        return FollowToken(self._signed({"kid": id}, claims, expires_at, key), expires_at)

    def token(self, subject: str, workspace: str, scopes: list[Scope], ttl: timedelta) -> str:
        """A caller's token, for development and tests. Raises: ValueError if no key is shared with the issuer."""
        if not self._shared_key:
            raise ValueError("tokens can only be signed with a key that is shared with the issuer; set GATEWAY_TOKEN_KEY")
        expected = {name: value for name, value in (("iss", self._trust.issuer), ("aud", self._trust.audience)) if value}
        claims = {"sub": subject, "workspace": workspace, "scope": " ".join(scope.value for scope in scopes), **expected}
        return self._signed({}, claims, self._now() + ttl, self._shared_key)

    def _signed(self, header: dict[str, str], claims: dict[str, Any], expires_at: datetime, key: OctKey) -> str:
        times = {"iat": self._seconds(), "exp": int(expires_at.timestamp())}
        return jwt.encode({"alg": SHARED, **header}, claims | times, key, [SHARED])

    def _seconds(self) -> int:
        return int(self._now().timestamp())

    async def _verified(self, token: str) -> Caller:
        """The caller of a token, after its signature and claims are verified. The expiry is checked again at each use. Raises: Unauthenticated."""
        try:
            header = orjson.loads(urlsafe_b64decode(token.partition(".")[0] + "=="))
            id = header.get("kid")
            own = self._own.get(id) if isinstance(id, str) else None
            key = own or await self._key(header.get("alg"), id)
            if not key:
                raise ValueError("no such key")
            # The key decides which algorithms may be used with it. Nothing else in the header is used.
            claims = jwt.decode(token, key, ALGORITHMS[type(key)]).claims
            if own:
                self._own_claims.validate(claims)
                return _caller(claims, chain=str(claims["chain"]))
            self._claims.validate(claims)
            self._check_claims(claims)
            return _caller(claims)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            logger.debug("a token was refused (%s)", type(error).__name__)
            raise Unauthenticated from None

    async def _key(self, algorithm: object, id: object) -> Key | None:
        if algorithm == SHARED:
            return self._shared_key
        if self._trust.published and isinstance(id, str | None):
            return await self._trust.published.key(id)
        return None

    def _check_claims(self, claims: dict[str, Any]) -> None:
        """Check the claims that the library does not check. Raises: ValueError."""
        if "aud" in claims and not self._trust.audience:
            raise ValueError("issued for another audience")
        if claims["exp"] - claims.get("iat", self._seconds()) > self._trust.longest_life.total_seconds() + LEEWAY_SECONDS:
            raise ValueError("valid for too long")


def bearer(authorization: str) -> str:
    """The token in an `Authorization` value; empty if the value has no bearer token."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def own_id(key: str) -> str:
    """The id (`kid`) of one of the gateway's own keys: a hash that reveals nothing of the key."""
    return FOLLOW + sha256(f"follow token key {key}".encode()).hexdigest()[:12]


def _caller(claims: dict[str, Any], chain: str | None = None) -> Caller:
    subject, workspace, scope = claims["sub"], claims["workspace"], claims.get("scope", "")
    if not isinstance(workspace, str) or not WORKSPACE.fullmatch(workspace) or len(subject) > MAX_SUBJECT_CHARACTERS:
        raise ValueError("workspace or subject")
    names = scope.split() if isinstance(scope, str) else [name for name in scope if isinstance(name, str)]
    scopes = frozenset(SCOPES[name] for name in names if name in SCOPES)
    return Caller(
        subject=subject,
        workspace=workspace,
        # Only the gateway itself confines a token to a chain: a follow scope from the issuer would be valid for all chains.
        scopes=frozenset({Scope.FOLLOW}) if chain else scopes - {Scope.FOLLOW},
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        chain=chain,
    )


def deadline(caller: Caller) -> float | None:
    """The time of the event loop at which the caller's token expires; None if it never does."""
    if caller.expires_at is None:
        return None
    return asyncio.get_running_loop().time() + (caller.expires_at - datetime.now(UTC)).total_seconds()
