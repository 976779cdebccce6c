"""Callers' tokens: signed JWTs that say who a caller is, and what the caller may do."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
from joserfc import jws, jwt
from joserfc.errors import (
    BadSignatureError,
    ExpiredTokenError,
    InvalidClaimError,
    JoseError,
    MissingClaimError,
    UnsupportedAlgorithmError,
)
from joserfc.jwk import Key, OctKey
from joserfc.jwt import ClaimsOption

from compiler.recent import Recent
from domain.caller import WORKSPACE_NAME, Caller, FollowToken, Scope
from gateway.callers.keys import ALGORITHMS, IssuerKeys, KeysUnavailable
from gateway.callers.token_refusals import TokenFault, TokenRefusals

SHARED_KEY_ALGORITHM = "HS256"
# The prefix of the ids (`kid`) of the gateway's own keys. The gateway signs follow tokens with these keys.
FOLLOW_SCOPES = "follow-"
MAX_TOKEN_CHARACTERS = 8192
MAX_SUBJECT_CHARACTERS = 255
# How deeply the values in a token's header and claims may be nested. The claims themselves are the first level, their values the second one.
MAX_CLAIM_LEVELS = 32
# How many verified tokens are cached, and how many characters they may have together.
CACHED_TOKENS, CACHED_CHARACTERS = 10_000, 10_000_000
# How much the clock of the issuer, or of another gateway that signed a follow token, may be ahead of ours. It applies to `nbf`, to `iat`, and to the
# maximum lifetime of a token. `exp` has no leeway.
LEEWAY_SECONDS = 30
LONGEST_LIFE = timedelta(days=1)
SCOPES = {scope.value: scope for scope in Scope}


class Unauthenticated(Exception):
    """The token is missing, or can't be trusted. The cause is logged, and not sent to the client."""


class Untrusted(ValueError):
    """A token can't be trusted, because of `fault`."""

    def __init__(self, fault: TokenFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Trust:
    """Which tokens are trusted: the keys that may have signed them, and the claims that they must contain.

    The keys are a key shared with the issuer, the keys that the issuer publishes, or both.
    """

    shared_key: str | None = None
    published: IssuerKeys | None = None
    issuer: str | None = None
    audience: str | None = None
    longest_life: timedelta = LONGEST_LIFE


class Tokens:
    """Verifies callers' tokens. Issues and verifies follow tokens, which the gateway signs with its own keys.

    The header of a follow token names the gateway's key in `kid`. The first of the `signing_keys` signs new tokens. The other keys are older, and
    only verify tokens that they signed earlier.
    """

    def __init__(self, trust: Trust, signing_keys: Iterable[str], now: Callable[[], datetime]) -> None:
        self._trust = trust
        self.refusals = TokenRefusals()
        self._shared_key = OctKey.import_key(trust.shared_key) if trust.shared_key else None
        self._own = {own_id(key): OctKey.import_key(key) for key in signing_keys}
        self._now = now
        required: dict[str, ClaimsOption] = {name: {"essential": True} for name in ("exp", "sub", "workspace")}
        expected: dict[str, ClaimsOption] = {
            name: {"essential": True, "value": value} for name, value in (("iss", trust.issuer), ("aud", trust.audience)) if value
        }
        self._claims = jwt.JWTClaimsRegistry(self._seconds, LEEWAY_SECONDS, **required, **expected)
        self._own_claims = jwt.JWTClaimsRegistry(self._seconds, LEEWAY_SECONDS, **required, chain={"essential": True})
        # The callers of verified tokens, by token. Verifying a signature takes longer than reading a verification by its id, so the signature of a
        # token is verified only once. The expiry of the token is checked at each use.
        self._trusted = Recent[str, Caller](CACHED_TOKENS, CACHED_CHARACTERS)

    def verified(self, authorization: str) -> Caller | None:
        """The caller with the token of an `Authorization` header, if that token was verified before and has not expired; else None. Never waits."""
        caller = self._trusted.get(bearer(authorization))
        return caller if caller and self._holds(caller) else None

    async def caller(self, authorization: str | None) -> Caller:
        """The caller with the token of an `Authorization` header. The token is verified if it is new.

        Raises: Unauthenticated; KeysUnavailable if the issuer's keys have not been fetched yet.
        """
        try:
            return await self._caller(bearer(authorization or ""))
        except Untrusted as untrusted:
            self.refusals.refused(untrusted.fault)
            raise Unauthenticated from None
        except KeysUnavailable:
            self.refusals.refused(TokenFault.KEYS_UNAVAILABLE)
            raise

    async def _caller(self, token: str) -> Caller:
        """The caller with this token. The token is verified if it is new. Raises: Untrusted, KeysUnavailable."""
        if not 0 < len(token) <= MAX_TOKEN_CHARACTERS:
            raise Untrusted(TokenFault.TOO_LONG if token else TokenFault.MISSING)
        caller = self._trusted.get(token)
        if not caller:
            caller = await self._verified(token)
            self._trusted.keep(token, caller, len(token))
        if not self._holds(caller):
            raise Untrusted(TokenFault.EXPIRED)
        return caller

    def _holds(self, caller: Caller) -> bool:
        return caller.expires_at is not None and caller.expires_at > self._now()

    def forget(self) -> None:
        """Forget which tokens were verified, because the keys have changed. Every token is verified again at its next use."""
        self._trusted = Recent(CACHED_TOKENS, CACHED_CHARACTERS)

    def follow_token(self, issuer: Caller, chain: str, ttl: timedelta, page: str | None = None) -> FollowToken:
        """A new token with which a browser can follow one chain. It is confined to the workspace of `issuer`, the caller who requested it.

        `page`: the reference with which the page at `/follow` finds the address that renews the token; None if there is no such address.
        """
        expires_at = (self._now() + ttl).replace(microsecond=0)
        claims = {"sub": f"follower of {chain}", "workspace": issuer.workspace, "scope": Scope.FOLLOW.value, "chain": chain}
        claims |= {"page": page} if page else {}
        id, key = next(iter(self._own.items()))
        return FollowToken(self._signed({"kid": id}, claims, expires_at, key), expires_at)

    def token(self, subject: str, workspace: str, scopes: list[Scope], ttl: timedelta) -> str:
        """Sign a caller's token with the shared key, for `gateway token`, `gateway dev` and tests. Raises: ValueError if there is no shared key."""
        if not self._shared_key:
            raise ValueError("tokens can only be signed with a key that is shared with the issuer; set GATEWAY_TOKEN_KEY")
        expected = {name: value for name, value in (("iss", self._trust.issuer), ("aud", self._trust.audience)) if value}
        claims = {"sub": subject, "workspace": workspace, "scope": " ".join(scope.value for scope in scopes), **expected}
        return self._signed({}, claims, self._now() + ttl, self._shared_key)

    def _signed(self, header: dict[str, str], claims: dict[str, Any], expires_at: datetime, key: OctKey) -> str:
        times = {"iat": self._seconds(), "exp": int(expires_at.timestamp())}
        return jwt.encode({"alg": SHARED_KEY_ALGORITHM, **header}, claims | times, key, [SHARED_KEY_ALGORITHM])

    def _seconds(self) -> int:
        return int(self._now().timestamp())

    async def _verified(self, token: str) -> Caller:
        """Verify the signature and the claims of a token, and return its caller. Raises: Untrusted, KeysUnavailable."""
        try:
            header = _json_object(urlsafe_b64decode(token.partition(".")[0] + "=="))
            id = header.get("kid")
            own = self._own.get(id) if isinstance(id, str) else None
            key = own or await self._key(header.get("alg"), id)
            if not key:
                raise Untrusted(TokenFault.UNKNOWN_KEY)
            # The kind of the key decides which algorithms are allowed. The token's header is used only to choose the key, by `kid` and `alg`; an
            # attacker can write anything into it.
            claims = _json_object(jws.deserialize_compact(token, key, ALGORITHMS[type(key)]).payload or b"")
            if own:
                self._own_claims.validate(claims)
                return _caller(claims, chain=_claim_text(claims["chain"]))
            self._claims.validate(claims)
            self._check_claims(claims)
            return _caller(claims)
        except (JoseError, ValueError, TypeError, KeyError, OverflowError) as error:
            raise Untrusted(token_fault(error)) from None

    async def _key(self, algorithm: object, id: object) -> Key | None:
        if algorithm == SHARED_KEY_ALGORITHM:
            return self._shared_key
        if self._trust.published and isinstance(id, str | None):
            return await self._trust.published.key(id)
        return None

    def _check_claims(self, claims: dict[str, Any]) -> None:
        """Check what joserfc does not check: that no unexpected audience is named, and the token's lifetime. Raises: Untrusted."""
        if "aud" in claims and not self._trust.audience:
            raise Untrusted(TokenFault.AUDIENCE)
        if claims["exp"] - claims.get("iat", self._seconds()) > self._trust.longest_life.total_seconds() + LEEWAY_SECONDS:
            raise Untrusted(TokenFault.LIFETIME)


# The fault of a token in which one of these claims is missing, or has a value that is not accepted. For all other claims, it is TokenFault.CLAIMS.
FAULTS_OF_CLAIMS = {
    "iss": TokenFault.ISSUER,
    "aud": TokenFault.AUDIENCE,
    "nbf": TokenFault.NOT_YET_VALID,
    "iat": TokenFault.NOT_YET_VALID,
}


def token_fault(error: Exception) -> TokenFault:
    """Why a token was refused, if verifying it raised this error."""
    match error:
        case Untrusted():
            return error.fault
        case BadSignatureError():
            return TokenFault.SIGNATURE
        case ExpiredTokenError():
            return TokenFault.EXPIRED
        case UnsupportedAlgorithmError():
            return TokenFault.UNKNOWN_KEY
        case MissingClaimError() | InvalidClaimError():
            return FAULTS_OF_CLAIMS.get(error.claim, TokenFault.CLAIMS)
        case _:
            return TokenFault.MALFORMED


def bearer(authorization: str) -> str:
    """The token in the value of an `Authorization` header; empty if the header has no bearer token."""
    scheme, _, token = authorization.partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else ""


def own_id(key: str) -> str:
    """The id (`kid`) of one of the gateway's own keys. It is a hash, which reveals nothing about the key."""
    return FOLLOW_SCOPES + sha256(f"follow token key {key}".encode()).hexdigest()[:12]


def _caller(claims: dict[str, Any], chain: str | None = None) -> Caller:
    subject, workspace = _claim_text(claims["sub"]), _claim_text(claims["workspace"])
    if not WORKSPACE_NAME.fullmatch(workspace) or len(subject) > MAX_SUBJECT_CHARACTERS:
        raise Untrusted(TokenFault.CLAIMS)
    scopes = frozenset(SCOPES[name] for name in _scope_names(claims.get("scope", "")) if name in SCOPES)
    return Caller(
        subject=subject,
        workspace=workspace,
        # The follow scope is dropped from an issuer's token: the scope is meant for one chain, and only the gateway's own tokens are confined to one.
        scopes=frozenset({Scope.FOLLOW}) if chain else scopes - {Scope.FOLLOW},
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        chain=chain,
    )


def _json_object(content: bytes) -> dict[str, Any]:
    """The JSON object that is the header of a token, or its claims. Raises: ValueError if it is nested more deeply than MAX_CLAIM_LEVELS.

    joserfc's own parser is not used: it raises RecursionError for deeply nested values, and accepts NaN and half of a surrogate pair, which orjson
    refuses.
    """
    parsed = orjson.loads(content)
    if not isinstance(parsed, dict):
        raise ValueError("not an object")
    level: list[Any] = [parsed]
    for _ in range(MAX_CLAIM_LEVELS):
        level = [child for value in level if isinstance(value, dict | list) for child in (value.values() if isinstance(value, dict) else value)]
    if level:
        raise ValueError("nested too deeply")
    return parsed


def _claim_text(claim: object) -> str:
    """The value of a claim that must be a text. Raises: Untrusted."""
    if not isinstance(claim, str):
        raise Untrusted(TokenFault.CLAIMS)
    return claim


def _scope_names(scope: object) -> list[str]:
    """The names in the claim `scope`: a text in which single spaces separate them, or a list of names. Raises: Untrusted for any other value.

    Only the space separates names. Other white space is part of a name, which is then not the name of a scope.
    Source: RFC 6749, 3.3; RFC 8693, 4.2.
    """
    if isinstance(scope, list):
        return [name for name in scope if isinstance(name, str)]
    return _claim_text(scope).split(" ")


def deadline(caller: Caller) -> float | None:
    """When the caller's token expires, on the clock of the running event loop (`loop.time()`); None if it never expires."""
    if caller.expires_at is None:
        return None
    return asyncio.get_running_loop().time() + (caller.expires_at - datetime.now(UTC)).total_seconds()
