"""What can be set, by environment variables that begin with GATEWAY_."""

from typing import Annotated, Any, Literal

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

SHORTEST_KEY = 32
DEVELOPMENT = "development-"

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
    token_key: Key = Field(description="The key that callers' tokens are signed with, HS256, at least 32 characters")
    signing_key: Key = Field(description="The gateway's own key, for follow tokens and the sandbox's links, at least 32 characters")
    fingerprint_key: Key = Field(
        description="The key that inputs are fingerprinted with, at least 32 characters. Another one makes conflicts of older idempotency keys"
    )
    provider: Literal["sandbox"] = Field(
        description="Who verifies. So far only: sandbox, where whoever holds a verification's link decides its outcome"
    )
    public_url: AnyHttpUrl = Field(description="Where browsers reach the gateway: https://gateway.example.com")
    host: str = Field(default="127.0.0.1", description="The address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one")
    token_issuer: str | None = Field(default=None, description="The `iss` that callers' tokens must have")
    token_audience: str | None = Field(default=None, description="The `aud` that callers' tokens must have")
    link_window_seconds: float = Field(default=900, gt=0, description="How long after the link was opened a capture must have begun")
    verification_window_seconds: float = Field(default=604_800, gt=0, description="How long after its creation a capture must be complete")
    sweep_seconds: float = Field(default=5, gt=0, description="How often passed deadlines are looked for")
    request_seconds: float = Field(default=20, gt=0, description="How long a query or mutation may take")
    database_seconds: float = Field(default=15, gt=0, description="How long MongoDB may take to answer")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="What is logged")
    log_format: Literal["json", "console"] = Field(default="json", description="How it is logged")

    @field_validator("token_key", "signing_key", "fingerprint_key")
    @classmethod
    def _not_repeated(cls, key: SecretStr) -> SecretStr:
        if len(set(key.get_secret_value())) < 8:
            raise ValueError("is too simple to be a key; `openssl rand -base64 48` makes one")
        return key


def read(defaults: dict[str, Any], **given: Any) -> Settings:
    """The settings: what is given, else what the environment says, else the defaults. Raises: BadSettings."""
    try:
        return Settings(**{**defaults, **EnvSettingsSource(Settings)(), **given})
    except ValidationError as error:
        raise BadSettings({str(problem["loc"][0]): _told(problem["type"], problem["msg"]) for problem in error.errors()}) from None


def served(settings: Settings) -> Settings:
    """The settings where they may face users. Raises: BadSettings for a key that was made for development."""
    weak = [name for name in ("token_key", "signing_key", "fingerprint_key") if secret(settings, name).startswith(DEVELOPMENT)]
    if weak:
        raise BadSettings(dict.fromkeys(weak, "was made for development; `openssl rand -base64 48` makes one"))
    return settings


def secret(settings: Settings, name: str) -> str:
    """A secret setting's value."""
    value: SecretStr = getattr(settings, name)
    return value.get_secret_value()


def example() -> str:
    """All settings as a file of environment variables, those with a default commented out."""
    lines = ["# Every setting, with its default. Made by `gateway settings`; those without a default must be set to serve.", ""]
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
