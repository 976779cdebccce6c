"""The issuer's public keys, which verify callers' tokens. They are fetched from the issuer's URL, or read from a file."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from time import monotonic
from warnings import catch_warnings, simplefilter

import httpx2
import orjson
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey, RSAKey

logger = logging.getLogger(__name__)

# The algorithms that may be used with each kind of key. Without this table, an attacker could name HS256 in a token's header and sign the token
# with the public key as if it were a shared secret.
ALGORITHMS = {
    OctKey: frozenset({"HS256"}),
    RSAKey: frozenset({"RS256", "PS256"}),
    ECKey: frozenset({"ES256", "ES384"}),
    OKPKey: frozenset({"Ed25519", "EdDSA"}),
}
# The maximum number of keys of a JWK set that are used, and the maximum number of its entries that are looked at. The second number is larger,
# because a set may contain entries that can't be used.
MAX_KEYS = 50
MAX_ENTRIES = 200
# The maximum size of the issuer's response. The request asks for an uncompressed response, and a compressed one is refused, because 1 KB on the
# network could become 1 GB when it is decompressed.
MAX_BYTES = 262_144
FETCH_SECONDS = 5.0
REFRESH_SECONDS = 600.0
# The minimum time between two requests to the issuer. Clients could otherwise cause any number of requests, by tokens that name unknown keys.
FETCH_PAUSE_SECONDS = 10.0

# How often the file with a JWK set is looked at.
FILE_PAUSE_SECONDS = 5.0

Keys = dict[str | None, Key]


class KeysUnavailable(Exception):
    """No key has been fetched from the issuer yet, so the issuer's tokens can't be verified."""


class KeysNotUsable(Exception):
    """The issuer's keys could not be fetched or understood. The message says why, without the URL."""


def usable(keys: Iterable[object]) -> Keys:
    """The usable public keys of a JWK set, by id. Keys of unknown kinds, shared secrets and keys that are too small are left out.

    At most MAX_KEYS keys are returned, and only the first MAX_ENTRIES entries are looked at.
    """
    found: Keys = {}
    for each in islice(keys, MAX_ENTRIES):
        if len(found) == MAX_KEYS:
            break
        if not isinstance(each, dict) or each.get("use", "sig") != "sig" or each.get("kty") == "oct":
            continue
        with suppress(JoseError, ValueError, TypeError, KeyError, SecurityWarning), catch_warnings():
            # joserfc only warns of keys that are too small, such as RSA below 2048 bits. The filter turns the warning into an exception, so that the
            # key is left out.
            simplefilter("error", SecurityWarning)
            key = JWKRegistry.import_key(each)
            found.setdefault(key.kid, key)
    return found


def named(keys: Keys, id: str | None) -> Key | None:
    """The key with this id, or None. A token without an id is verified with the only key, if there is exactly one."""
    if id is None and len(keys) == 1:
        return next(iter(keys.values()))
    return keys.get(id) if id is not None else None


class KeyFile:
    """Holds the keys of a file with a JWK set. `run` reads the file again when it has changed. If that fails, the last keys stay in use.

    The constructor raises OSError, ValueError, KeyError or TypeError if the file can't be read, or has no usable key.
    """

    def __init__(self, path: Path, pause_seconds: float = FILE_PAUSE_SECONDS) -> None:
        self._path = path
        self._pause_seconds = pause_seconds
        self._changed: Callable[[], None] = lambda: None
        self._stamp = stamp_of(path)
        self._keys = keys_in(path)
        # How often the file could not be used when it was read again.
        self.failures = 0

    @property
    def loaded(self) -> bool:
        """Whether tokens can be verified: always True, because the constructor refuses a file without usable keys."""
        return True

    @property
    def age_seconds(self) -> None:
        """The age of fetched keys: None, because the keys of a file are not fetched."""
        return None

    async def run(self, changed: Callable[[], None]) -> None:
        """Read the file again whenever it has changed, until cancelled. Calls `changed` after each change of the keys."""
        self._changed = changed
        while True:
            await asyncio.sleep(self._pause_seconds)
            if stamp_of(self._path) != self._stamp:
                self.reread()

    def reread(self) -> None:
        """Read the file again. A file that can't be used is logged, and changes nothing."""
        # The value of `stamp_of` is read before the content: if the file changes between the two reads, `run` reads it once more.
        self._stamp = stamp_of(self._path)
        try:
            keys = keys_in(self._path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.failures += 1
            logger.warning("the file GATEWAY_TOKEN_JWKS_FILE can't be used (%s); the last keys stay in use", type(error).__name__)
            return
        if described(keys) != described(self._keys):
            self._keys = keys
            self._changed()
            logger.info("the file GATEWAY_TOKEN_JWKS_FILE was read again; it has %d usable keys", len(keys))

    async def key(self, id: str | None) -> Key | None:
        """The key with this id; None if the file has no such key."""
        return named(self._keys, id)


def keys_in(path: Path) -> Keys:
    """The usable keys of a file with a JWK set. Raises: OSError, ValueError, KeyError, TypeError."""
    keys = usable(orjson.loads(path.read_bytes())["keys"])
    if not keys:
        raise ValueError("no usable key")
    return keys


def stamp_of(path: Path) -> tuple[int, int, int] | None:
    """A value that changes when a file is written or replaced; None if there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class PublishedKeys:
    """Fetches the keys of an issuer's JWK set, regularly and when a key is missing. While the issuer is unreachable, the cached keys stay in use.

    Keys are fetched only from the URL in the settings. URLs in tokens are ignored. Source: RFC 7517, RFC 8725 3.10.
    """

    def __init__(self, url: str, pause_seconds: float = FETCH_PAUSE_SECONDS, fetch_seconds: float = FETCH_SECONDS) -> None:
        """`fetch_seconds`: how long one request to the issuer may take, until the last byte of the response."""
        self._url = url
        self._fetch_seconds = fetch_seconds
        self._changed: Callable[[], None] = lambda: None
        self._pause_seconds = pause_seconds
        self._keys: Keys = {}
        self._tried_at = float("-inf")
        self._failed = False
        self._fetched_at: float | None = None
        # How often the keys could not be fetched.
        self.failures = 0
        self._fetching: asyncio.Task[None] | None = None

    @property
    def loaded(self) -> bool:
        """Whether tokens can be verified: keys were fetched at least once."""
        return bool(self._keys)

    @property
    def age_seconds(self) -> float | None:
        """How long ago the keys were fetched last, in seconds; None before the first time."""
        return None if self._fetched_at is None else monotonic() - self._fetched_at

    async def run(self, changed: Callable[[], None]) -> None:
        """Fetch the keys every REFRESH_SECONDS, so that keys which the issuer withdraws are dropped. After a failure, fetch them sooner.

        Calls `changed` after each change of the keys.
        """
        self._changed = changed
        while True:
            await self.refresh()
            await asyncio.sleep(self._pause_seconds if self._failed else REFRESH_SECONDS)

    async def key(self, id: str | None) -> Key | None:
        """The key with this id; None if there is no such key. If it is not cached, fetch the keys, but at most once in FETCH_PAUSE_SECONDS.

        Raises: KeysUnavailable if no keys have been fetched yet.
        """
        found = named(self._keys, id)
        if not found and (self._fetching or monotonic() - self._tried_at >= self._pause_seconds):
            await self.refresh()
            found = named(self._keys, id)
        if not self._keys:
            raise KeysUnavailable
        return found

    async def refresh(self) -> None:
        """Fetch the keys from the issuer. Tasks that call this method at the same time share one request.

        If the issuer is unreachable, the cached keys stay in use, and nothing is raised.
        """
        if not self._fetching:
            self._tried_at = monotonic()
            self._fetching = asyncio.create_task(self._fetch())
        # Several tasks may wait for the same request to the issuer. The shield keeps the request running if one of these tasks is cancelled.
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            keys = await self._usable()
            if self._failed:
                logger.info("the issuer's keys were fetched again")
            self._failed = False
            self._fetched_at = monotonic()
            if described(keys) != described(self._keys):
                self._keys = keys
                self._changed()
        except KeysNotUsable as error:
            self._failed = True
            self.failures += 1
            kept = "; the cached keys stay in use" if self._keys else ""
            logger.warning("the issuer's keys could not be fetched from GATEWAY_TOKEN_JWKS_URL (%s)%s", error, kept)
        finally:
            self._fetching = None

    async def count(self) -> int:
        """Fetch the keys once, for a check. Returns how many can be used. Raises: KeysNotUsable."""
        return len(await self._usable())

    async def _usable(self) -> Keys:
        """The usable keys that the issuer publishes now. Raises: KeysNotUsable."""
        try:
            keys = usable(await self._published())
        except (httpx2.HTTPError, TimeoutError, ValueError, KeyError, TypeError) as error:
            raise KeysNotUsable(why_not(error)) from error
        if not keys:
            raise KeysNotUsable("the JWK set has no key that can be used")
        return keys

    async def _published(self) -> list[object]:
        """The entries of the issuer's JWK set. Redirects are not followed.

        Raises: httpx2.HTTPError, TimeoutError, ValueError, KeyError, TypeError.
        """
        content = bytearray()
        async with (
            asyncio.timeout(self._fetch_seconds),
            httpx2.AsyncClient(timeout=self._fetch_seconds, follow_redirects=False) as client,
            client.stream("GET", self._url, headers={"accept": "application/json", "accept-encoding": "identity"}) as response,
        ):
            response.raise_for_status()
            if response.headers.get("content-encoding", "identity") != "identity":
                raise ValueError("compressed")
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise ValueError("too long")
        keys: list[object] = orjson.loads(content)["keys"]
        return keys


def why_not(error: Exception) -> str:
    """Why the keys could not be fetched, without the URL, which the message of the error may contain."""
    match error:
        case httpx2.HTTPStatusError(response=response):
            return f"status {response.status_code}"
        case httpx2.TimeoutException() | TimeoutError():
            return "no answer in time"
        case httpx2.ConnectError() if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return "the certificate is not trusted; SSL_CERT_FILE names the authorities that are"
        case httpx2.HTTPError():
            return type(error).__name__
        case _:
            return f"the answer is not a JWK set, {type(error).__name__}"


IssuerKeys = PublishedKeys | KeyFile


def described(keys: Keys) -> dict[str | None, object]:
    """The public parts of the keys, by id. Two such dicts are equal if the issuer has not changed its keys."""
    return {id: key.as_dict(private=False) for id, key in keys.items()}
