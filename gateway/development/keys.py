"""Keys, tokens and settings for a gateway on a developer's machine."""

import json
import os
import secrets
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from domain.caller import Scope
from gateway.callers.tokens import Tokens
from gateway.settings import DEVELOPMENT_KEY_ID, DEVELOPMENT_PREFIX
from simulation import credentials as credential
from simulation.credentials import Credentials
from store.sealing import KEY_BYTES

WORKSPACE = "demo"
OTHER_WORKSPACE = "other"
TOKEN_TTL = timedelta(days=1)
DEVELOPMENT_KEYS = ("token_key", "signing_key", "fingerprint_key", "data_keys")

INTEGRATOR = [Scope.READ, Scope.WRITE, Scope.SENSITIVE]
TOKENS = {
    "integrator": (WORKSPACE, INTEGRATOR),
    "operator": (WORKSPACE, [Scope.READ, Scope.SENSITIVE]),
    "provider": (WORKSPACE, [Scope.REPORT]),
    "other": (OTHER_WORKSPACE, INTEGRATOR),
}


class BadKeys(Exception):
    """The file of the development keys has been damaged. The message names it, and contains no key."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} holds no development keys that can be read; restore it, or delete it and the data directory's `mongo`: "
            "`gateway dev` then makes new keys, which can't decrypt old data"
        )


def keys(data_dir: Path) -> dict[str, str]:
    """The keys that are stored in the data directory, by the names of their settings. Missing keys are created and stored.

    Each key is marked as a development key, so that `gateway serve` refuses it.
    Raises: BadKeys.
    """
    path = data_dir / "keys.json"
    stored = _stored(path)
    if missing := [name for name in DEVELOPMENT_KEYS if name not in stored]:
        stored |= {name: _new_key(name) for name in missing}
        write_private(path, stored)
    return stored


def credentials(url: str, tokens: Tokens) -> Credentials:
    """The content of a credentials file: the gateway's addresses, and a new token for each role in `TOKENS`."""
    signed = {role: tokens.token(role, workspace, scopes, TOKEN_TTL) for role, (workspace, scopes) in TOKENS.items()}
    return Credentials(url, f"{url}/graphql", f"{url.replace('http', 'ws', 1)}/graphql", WORKSPACE, credential.Tokens(**signed))


def write_credentials(files: Iterable[Path], credentials: Credentials) -> None:
    """Write these credentials to each of the files. Raises: OSError."""
    for file in files:
        write_private(file, asdict(credentials))


def write_private(path: Path, content: object) -> None:
    """Write a JSON file that only the current user can read. It is written atomically, so readers never see half of it.

    Missing folders are created. Raises: OSError, which names `path` and not the temporary file.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(content, indent=2) + "\n")
        temporary.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def offline(data_dir: Path) -> dict[str, Any]:
    """Default settings for a command that only signs tokens, and needs no database.

    They are the keys of the data directory, if it has any, and placeholders for the other required settings.
    Raises: BadKeys.
    """
    stored = _stored(data_dir / "keys.json")
    unused: dict[str, Any] = {name: _new_key(name) for name in DEVELOPMENT_KEYS if name != "token_key"}
    unused |= {"mongo_uri": "unused", "token_jwks_file": "unused", "public_url": "http://localhost"}
    return {**unused, **stored}


def _new_key(name: str) -> str:
    if name == "data_keys":
        return f"{DEVELOPMENT_KEY_ID}:{b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"
    return DEVELOPMENT_PREFIX + secrets.token_urlsafe(36)


def _stored(path: Path) -> dict[str, str]:
    try:
        stored = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError:
        raise BadKeys(path) from None
    if not isinstance(stored, dict) or not all(name in DEVELOPMENT_KEYS and isinstance(key, str) for name, key in stored.items()):
        raise BadKeys(path)
    return stored
