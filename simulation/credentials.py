"""The addresses of the gateway that the simulation uses, and the tokens that it sends."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from simulation.errors import BadCredentials

HINT = "`gateway dev --credentials-file FILE` writes a valid file"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The bearer tokens, one for each role. The token `other` belongs to an integrator of another workspace."""

    integrator: str = field(repr=False)
    provider: str = field(repr=False)
    operator: str = field(default="", repr=False)
    other: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A gateway's addresses, and tokens for it. `gateway dev` writes a credentials file with the same keys and values, as JSON."""

    url: str
    graphql: str
    websocket: str
    workspace: str
    tokens: Tokens

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a credentials file. It must contain `url` or `graphql`, and the tokens `integrator` and `provider`.

        Raises: BadCredentials. The message says what is wrong with the file and what to do.
        """
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise BadCredentials(f"cannot read the credentials file {file}: {error.strerror}; {HINT}") from None
        except ValueError as error:
            raise BadCredentials(f"the credentials file {file} is not JSON ({error}); {HINT}") from None
        source = f"the credentials file {file}"
        if not isinstance(content, dict) or not isinstance(content.get("tokens"), dict):
            raise BadCredentials(f'{source} needs {{"url", "tokens": {{"integrator", "provider"}}}}; {HINT}')
        tokens = Tokens(**{name: _token(source, content["tokens"], name) for name in ("integrator", "provider", "operator", "other")})
        graphql = _text(content.get("graphql"))
        url = _text(content.get("url")) or graphql
        if not url:
            raise BadCredentials(f"{source} has no 'url'; {HINT}")
        return cls(_base_url(url), f"{_base_url(graphql or url)}/graphql", _text(content.get("websocket")), _text(content.get("workspace")), tokens)

    def at(self, url: str) -> Self:
        """The same tokens with the addresses of another gateway. `url` is its base URL or its GraphQL endpoint. Raises: BadCredentials."""
        base = _base_url(url)
        return replace(self, url=base, graphql=f"{base}/graphql", websocket=f"ws{base.removeprefix('http')}/graphql")


def _base_url(url: str) -> str:
    base = url.strip().rstrip("/").removesuffix("/graphql")
    try:
        parts = urlsplit(base)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and " " not in base
    except ValueError:
        usable = False
    if not usable:
        raise BadCredentials(f"{url!r} is not a gateway's URL; use a URL such as http://127.0.0.1:8000")
    return base


def _token(source: str, tokens: dict[str, Any], name: str) -> str:
    token = _text(tokens.get(name)).strip()
    if not token and name in ("integrator", "provider"):
        raise BadCredentials(f"{source} has no token {name!r} under 'tokens'; {HINT}")
    if not token.isascii() or not token.isprintable():
        raise BadCredentials(f"{source} has a token {name!r} with characters that are not allowed in tokens; {HINT}")
    return token


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
