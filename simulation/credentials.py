"""Where a gateway is, and the tokens to speak to it with."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from simulation.errors import BadCredentials

HOW_TO_GET_ONE = "`gateway dev --credentials-file FILE` writes one"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Bearer tokens by who holds them. "other" is an integrator of another workspace."""

    integrator: str = field(repr=False)
    provider: str = field(repr=False)
    operator: str = field(default="", repr=False)
    other: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A gateway's addresses and tokens. As a dict this is the credentials file, word for word."""

    url: str
    graphql: str
    websocket: str
    workspace: str
    tokens: Tokens

    @classmethod
    def read(cls, file: Path) -> Self:
        """The credentials that a file holds.

        Needed: `url` or `graphql`, and the tokens `integrator` and `provider`.
        Raises: BadCredentials saying what is wrong with the file, and what to do.
        """
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise BadCredentials(f"cannot read the credentials file {file}: {error.strerror}; {HOW_TO_GET_ONE}") from None
        except ValueError as error:
            raise BadCredentials(f"the credentials file {file} is not JSON ({error}); {HOW_TO_GET_ONE}") from None
        source = f"the credentials file {file}"
        if not isinstance(content, dict) or not isinstance(content.get("tokens"), dict):
            raise BadCredentials(f'{source} needs {{"url", "tokens": {{"integrator", "provider"}}}}; {HOW_TO_GET_ONE}')
        tokens = Tokens(**{name: _token(source, content["tokens"], name) for name in ("integrator", "provider", "operator", "other")})
        graphql = _text(content.get("graphql"))
        url = _text(content.get("url")) or graphql
        if not url:
            raise BadCredentials(f"{source} has no 'url'; {HOW_TO_GET_ONE}")
        return cls(_home(url), f"{_home(graphql or url)}/graphql", _text(content.get("websocket")), _text(content.get("workspace")), tokens)

    def at(self, url: str) -> Self:
        """The same tokens for a gateway at `url`; its GraphQL address may be given too. Raises: BadCredentials."""
        home = _home(url)
        return replace(self, url=home, graphql=f"{home}/graphql", websocket=f"ws{home.removeprefix('http')}/graphql")


def _home(url: str) -> str:
    home = url.strip().rstrip("/").removesuffix("/graphql")
    try:
        parts = urlsplit(home)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and " " not in home
    except ValueError:
        usable = False
    if not usable:
        raise BadCredentials(f"{url!r} is not a gateway's address; give one such as http://127.0.0.1:8000")
    return home


def _token(source: str, tokens: dict[str, Any], name: str) -> str:
    token = _text(tokens.get(name)).strip()
    if not token and name in ("integrator", "provider"):
        raise BadCredentials(f"{source} has no token {name!r} under 'tokens'; {HOW_TO_GET_ONE}")
    if not token.isascii() or not token.isprintable():
        raise BadCredentials(f"{source} has a token {name!r} with characters that no token has; {HOW_TO_GET_ONE}")
    return token


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
