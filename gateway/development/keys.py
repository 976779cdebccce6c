"""Keys, tokens and settings for a gateway on a developer's own machine."""

import json
import os
import secrets
from base64 import b64encode
from datetime import timedelta
from pathlib import Path

from domain.caller import Scope
from gateway.callers.tokens import Tokens
from gateway.settings import DEVELOPMENT_KEY_ID, DEVELOPMENT_PREFIX
from simulation import credentials as credential
from simulation.credentials import Credentials
from store.sealing import KEY_BYTES

WORKSPACE = "demo"
OTHER_WORKSPACE = "other"
TOKEN_TTL = timedelta(days=30)
KEYS = ("token_key", "signing_key", "fingerprint_key", "data_keys")

INTEGRATOR = [Scope.READ, Scope.WRITE, Scope.SENSITIVE]
TOKENS = {
    "integrator": (WORKSPACE, INTEGRATOR),
    "operator": (WORKSPACE, [Scope.READ, Scope.SENSITIVE]),
    "provider": (WORKSPACE, [Scope.REPORT]),
    "other": (OTHER_WORKSPACE, INTEGRATOR),
}


def keys(data_dir: Path) -> dict[str, str]:
    """The keys of this data directory, made where they are missing. They say of themselves that they aren't for production."""
    path = data_dir / "keys.json"
    kept = _kept(path)
    if missing := [name for name in KEYS if name not in kept]:
        kept |= {name: _made(name) for name in missing}
        write_private(path, kept)
    return kept


def credentials(url: str, tokens: Tokens) -> Credentials:
    """Where the gateway is, and a token for each part that a newcomer can play."""
    made = {part: tokens.token(part, workspace, scopes, TOKEN_TTL) for part, (workspace, scopes) in TOKENS.items()}
    return Credentials(url, f"{url}/graphql", f"{url.replace('http', 'ws', 1)}/graphql", WORKSPACE, credential.Tokens(**made))


def write_private(path: Path, content: object) -> None:
    """Write JSON that nobody else on the machine can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(content, indent=2) + "\n")
    unfinished.replace(path)


def offline(data_dir: Path) -> dict[str, str]:
    """Settings for a command that signs tokens and neither serves nor stores: the keys of a data directory, where it has them."""
    unused = {name: _made(name) for name in KEYS if name != "token_key"}
    unused |= {"mongo_uri": "unused", "token_jwks_file": "unused", "provider": "sandbox", "public_url": "http://localhost"}
    return {**unused, **_kept(data_dir / "keys.json")}


def _made(name: str) -> str:
    if name == "data_keys":
        return f"{DEVELOPMENT_KEY_ID}:{b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"
    return DEVELOPMENT_PREFIX + secrets.token_urlsafe(36)


def _kept(path: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return found
