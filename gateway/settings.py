"""What can be set, by environment variables that begin with GATEWAY_."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from gateway import data_keys, proxies
from gateway.operations.trusted import Mode
from gateway.transports import origins

SHORTEST_KEY = 32
DEVELOPMENT = "development-"
LONGEST_RETENTION_SECONDS = 100 * 366 * 86_400

TRUST = ("token_jwks_url", "token_jwks_file", "token_key")
SECRET_KEYS = ("token_key", "signing_key", "previous_signing_key", "fingerprint_key")

Key = Annotated[SecretStr, Field(min_length=SHORTEST_KEY)]


class BadSettings(Exception):
    """Settings are missing or can't be used. The message names each, and never shows a value."""

    def __init__(self, troubles: dict[str, str]) -> None:
        lines = [f"  {variable(name)}: {trouble}" for name, trouble in troubles.items()]
        super().__init__("\n".join(["These settings are missing or can't be used:", *lines]))


class Settings(BaseSettings):
    """Everything that can be set. What has no default must be set to serve."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="forbid", hide_input_in_errors=True)

    mongo_uri: SecretStr = Field(description="MongoDB, a replica set: mongodb://host/database?replicaSet=name")
    signing_key: Key = Field(description="The gateway's own key, for follow tokens and the sandbox's links, at least 32 characters")
    fingerprint_key: Key = Field(
        description="The key that inputs are fingerprinted with, at least 32 characters. Another one makes conflicts of older idempotency keys"
    )
    data_keys: SecretStr = Field(
        description="What personal data are encrypted with: id:key, 32 bytes in base64. Of several, comma between, the first encrypts, all decrypt"
    )
    provider: Literal["sandbox"] = Field(
        description="Who verifies. So far only: sandbox, where whoever holds a verification's link decides its outcome"
    )
    public_url: AnyHttpUrl = Field(description="Where browsers reach the gateway: https://gateway.example.com")
    allowed_origins: str = Field(
        default="", description="Whose pages may ask from a browser, beside the gateway's own: https://app.example.com, several separated by commas"
    )
    trusted_proxies: str = Field(
        default="", description="The addresses and networks of proxies whose X-Forwarded-For is believed, separated by commas; none unless it is set"
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one")
    token_jwks_url: AnyHttpUrl | None = Field(
        default=None, description="Where the issuer of callers' tokens publishes its keys, a JWK set over https (RS256, PS256, ES256, ES384, Ed25519)"
    )
    token_jwks_file: Path | None = Field(default=None, description="A file with the issuer's JWK set, in place of its address")
    token_key: Key | None = Field(
        default=None, description="A key that is shared with the issuer, HS256, at least 32 characters; beside the JWK set or in its place"
    )
    token_issuer: str | None = Field(default=None, description="The `iss` that callers' tokens must have; must be set to serve")
    token_audience: str | None = Field(
        default=None, description="The `aud` that callers' tokens must have; where it isn't set, a token must have none"
    )
    token_most_seconds: float = Field(default=86_400, gt=0, description="How long callers' tokens may be valid, from their `iat` to their `exp`")
    previous_signing_key: Key | None = Field(
        default=None, description="The gateway's own key before the last change: what it signed stays good, and it signs nothing any more"
    )
    link_window_seconds: float = Field(default=900, gt=0, description="How long after the link was opened a capture must have begun")
    verification_window_seconds: float = Field(default=604_800, gt=0, description="How long after its creation a capture must be complete")
    retention_seconds: float | None = Field(
        default=None, gt=0, le=LONGEST_RETENTION_SECONDS, description="How long after the outcome personal data are kept; for ever unless it is set"
    )
    sweep_seconds: float = Field(default=5, gt=0, description="How often passed deadlines are looked for")
    request_seconds: float = Field(default=20, gt=0, description="How long a query or mutation may take")
    database_seconds: float = Field(default=15, gt=0, description="How long MongoDB may take to answer")
    most_sockets: int = Field(default=10_000, ge=1, description="How many WebSockets and event streams may be open, in all")
    most_sockets_per_address: int = Field(default=1000, ge=1, description="How many of them from one address")
    most_sockets_per_subject: int = Field(default=500, ge=1, description="How many of them for one subject of a workspace")
    most_cost: int = Field(default=4000, ge=1, description="What one operation may cost; a page of 50 rows costs about 50")
    rate_cost_per_second: float = Field(
        default=5000, ge=0, allow_inf_nan=False, description="What one caller may spend per second in each process; 0: as much as they like"
    )
    rate_burst_cost: int = Field(default=20_000, ge=1, description="What one caller may spend at once, after they spent less for some seconds")
    introspection: bool = Field(
        default=False, description="Whether clients may look at the schema: introspection, suggestions in errors, and /schema.graphql"
    )
    documents: Mode = Field(
        default="open",
        description="Which operation documents are answered. open: any; trusted-first: any, and those outside GATEWAY_TRUSTED_DOCUMENTS are logged; "
        "trusted-only: no others than those",
    )
    trusted_documents: Path | None = Field(
        default=None,
        description="A manifest of operation documents that clients can name by their ids: what graphql-codegen, Relay's compiler or Apollo writes",
    )
    persisted_queries: bool = Field(
        default=False, description="Whether clients can name a document by its SHA-256 once it was sent: Apollo's automatic persisted queries"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="What is logged")
    log_format: Literal["json", "console"] = Field(default="json", description="How it is logged")

    @field_validator(*SECRET_KEYS)
    @classmethod
    def _not_repeated(cls, key: SecretStr | None) -> SecretStr | None:
        if key and len(set(key.get_secret_value())) < 8:
            raise ValueError("is too simple to be a key; `openssl rand -base64 48` makes one")
        return key

    @field_validator("data_keys")
    @classmethod
    def _parsed(cls, keys: SecretStr) -> SecretStr:
        data_keys.parsed(keys.get_secret_value())
        return keys

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, text: str) -> str:
        origins.parsed(text)
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, text: str) -> str:
        proxies.parsed(text)
        return text

    @field_validator("token_jwks_url")
    @classmethod
    def _not_overheard(cls, url: AnyHttpUrl | None) -> AnyHttpUrl | None:
        if url and url.scheme != "https" and url.host not in ("localhost", "127.0.0.1", "[::1]"):
            raise ValueError("must be https: whoever can change what is fetched there can sign tokens")
        return url


def read(defaults: dict[str, Any], required: Collection[str] = (), **given: Any) -> Settings:
    """The settings: what is given, else what the environment says, else the defaults; `required` are those that must be set beside what always must.

    Raises: BadSettings.
    """
    values = {**defaults, **EnvSettingsSource(Settings, env_ignore_empty=True)(), **given}
    troubles = {name: "is missing" for name in required if values.get(name) is None}
    if all(values.get(name) is None for name in TRUST):
        troubles["token_jwks_url"] = "is missing, or GATEWAY_TOKEN_JWKS_FILE, or GATEWAY_TOKEN_KEY: something must tell whose tokens count"
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise BadSettings({str(problem["loc"][0]): _told(problem["type"], problem["msg"]) for problem in error.errors()} | troubles) from None
    if troubles:
        raise BadSettings(troubles)
    return settings


def to_serve() -> Settings:
    """The settings of the environment, where they may face users. Raises: BadSettings."""
    # Without an issuer, a token that anybody else issued with the same key would count here.
    return served(read({}, required=("token_issuer",)))


def served(settings: Settings) -> Settings:
    """The settings where none of their keys was made for development, nor is one of them another's. Raises: BadSettings."""
    weak = [name for name in SECRET_KEYS if (optional_secret(settings, name) or "").startswith(DEVELOPMENT)]
    if data_keys.DEVELOPMENT_ID in data_keys.parsed(secret(settings, "data_keys")):
        weak.append("data_keys")
    if weak:
        raise BadSettings(dict.fromkeys(weak, "was made for development; `openssl rand -base64 48` makes one"))
    keys = {name: key for name in SECRET_KEYS if (key := optional_secret(settings, name))}
    if shared := [name for name, key in keys.items() if list(keys.values()).count(key) > 1]:
        raise BadSettings(dict.fromkeys(shared, "has the same value as another key; each needs its own"))
    return settings


def unknown() -> list[str]:
    """Variables of the environment that look like settings and are none, such as misspelt ones."""
    return sorted(name for name in os.environ if name.startswith("GATEWAY_") and name.removeprefix("GATEWAY_").lower() not in Settings.model_fields)


def secret(settings: Settings, name: str) -> str:
    """A secret setting's value."""
    value: SecretStr = getattr(settings, name)
    return value.get_secret_value()


def optional_secret(settings: Settings, name: str) -> str | None:
    """The same, where it may be left out."""
    return secret(settings, name) if getattr(settings, name) else None


def example() -> str:
    """All settings as a file of environment variables, those with a default commented out."""
    lines = [
        "# Every setting, with its default. Made by `gateway settings`. Those that are not commented out must be set to serve,",
        "# and so must GATEWAY_TOKEN_ISSUER, and one of GATEWAY_TOKEN_JWKS_URL, GATEWAY_TOKEN_JWKS_FILE and GATEWAY_TOKEN_KEY.",
        "",
    ]
    for name, field in Settings.model_fields.items():
        lines.append(f"# {field.description}.")
        default = "" if field.default is None else str(field.default)
        lines += [f"{variable(name)}=" if field.is_required() else f"#{variable(name)}={default}", ""]
    return "\n".join(lines[:-1]) + "\n"


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"GATEWAY_{name.upper()}"


def _told(type: str, message: str) -> str:
    match type:
        case "missing":
            return "is missing"
        case "too_short":
            return f"must have at least {SHORTEST_KEY} characters"
        case _:
            return message.removeprefix("Value error, ")
