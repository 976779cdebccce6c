"""Settings: environment variables that begin with GATEWAY_, parsed once into typed fields."""

import os
from base64 import b64decode
from collections.abc import Callable, Collection
from datetime import timedelta
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, Secret, SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, SettingsConfigDict

from domain.deadlines import Windows
from domain.query_schedule import DEFAULT_AGES, QuerySchedule
from gateway.callers.key_strength import MIN_KEY_BITS, estimated_bits
from gateway.operations.trusted import Mode
from gateway.transports import origins
from lifecycle.sweeper import Periods
from providers.file import BadProvidersFile, ExternalSection, SandboxSection, YousignSection, read_providers
from store.sealing import KEY_BYTES, KEY_ID

MIN_KEY_CHARACTERS = 32
# The beginning of the message for a key that was probably typed and not generated.
TOO_SIMPLE = "is too simple to be a key"
MAX_RETENTION_SECONDS = 100 * 366 * 86_400

# `gateway dev` creates keys with this prefix, and a data key with this id. `gateway serve` recognizes and refuses them.
DEVELOPMENT_PREFIX = "development-"
DEVELOPMENT_KEY_ID = "development"

# What all callers of a workspace may spend together by default, as a multiple of what one caller may spend. So one busy caller can't spend it all.
WORKSPACE_SHARE = 1.5

NO_SANDBOX = "is sandbox, where anyone who has a link chooses the outcome; GATEWAY_ALLOW_SANDBOX=true accepts that"

TRUST = ("token_jwks_url", "token_jwks_file", "token_key")
KEY_SETTINGS = ("token_key", "signing_key", "previous_signing_key", "fingerprint_key")


class BadSettings(Exception):
    """Settings are missing or invalid. The message names each of these settings and never contains a value.

    `troubles`: the names of the settings in lower case, without the prefix GATEWAY_, and what is wrong with each.
    """

    def __init__(self, troubles: dict[str, str]) -> None:
        self.troubles = troubles
        lines = [f"  {variable(name)}: {trouble}" for name, trouble in troubles.items()]
        super().__init__("\n".join(["These settings are missing or invalid:", *lines]))


def random_enough(key: SecretStr) -> SecretStr:
    """Check that a key is not too simple. Returns the key. Raises: ValueError if its estimated entropy is below MIN_KEY_BITS."""
    if estimated_bits([*map(ord, key.get_secret_value())]) < MIN_KEY_BITS:
        raise ValueError(f"{TOO_SIMPLE}; `openssl rand -base64 48` makes one")
    return key


def data_keys(text: str) -> Secret[dict[str, bytes]]:
    """Parses the encryption keys for personal data. Returns the keys by their ids, in the order of the text.

    Shape:  `id:key`, separated by commas; an id has 1 to 16 characters, a key 32 bytes in base64.
    Raises: ValueError, whose message does not contain the text.
    """
    keys: dict[str, bytes] = {}
    for part in text.split(","):
        id, _, key = part.strip().partition(":")
        if not KEY_ID.fullmatch(id):
            raise ValueError("must be id:key, several of them separated by commas, with ids of 1 to 16 of a-z, 0-9, '_' and '-'")
        if id in keys:
            raise ValueError("has the same id twice")
        keys[id] = data_key(key)
    return Secret(keys)


def data_key(text: str) -> bytes:
    """Decodes one encryption key from base64. Raises: ValueError, whose message does not contain the text."""
    try:
        key = b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"must have keys of {KEY_BYTES} bytes in base64; `openssl rand -base64 {KEY_BYTES}` makes one")
    if estimated_bits(key) < MIN_KEY_BITS:
        raise ValueError(f"{TOO_SIMPLE}; `openssl rand -base64 {KEY_BYTES}` makes one")
    return key


def networks(text: str) -> tuple[str, ...]:
    """Parses IP addresses and networks that are separated by commas. Raises: ValueError."""
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    try:
        for part in parts:
            ip_network(part)
    except ValueError:
        raise ValueError("must be addresses and networks such as 10.0.0.7 and 10.1.0.0/16, separated by commas") from None
    return parts


def ages(text: str) -> tuple[float, ...]:
    """Parses ages in seconds that are separated by commas.

    Raises: ValueError if there is no age, if the ages are not in ascending order, or if one is above MAX_RETENTION_SECONDS.
    """
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(before < after for before, after in pairwise((0.0, *found))) or found[-1] > MAX_RETENTION_SECONDS:
        raise ValueError("must be seconds such as 1200,3600,86400, in ascending order and separated by commas")
    return found


def encrypted_url(url: AnyHttpUrl) -> AnyHttpUrl:
    """Check that a URL is https or local, so that nobody on the network can replace the fetched keys, and that it contains no password.

    Returns the URL. Raises: ValueError.
    """
    if url.scheme != "https" and url.host not in ("localhost", "127.0.0.1", "[::1]"):
        raise ValueError("must be https: otherwise anybody on the network could replace the keys and sign tokens")
    if url.username is not None or url.password is not None:
        raise ValueError("must have no user name and no password")
    return url


def base_url(url: AnyHttpUrl) -> AnyHttpUrl:
    """Check that paths can be appended to a URL, and that it contains no secret. Returns the URL. Raises: ValueError."""
    if url.username is not None or url.password is not None or url.query is not None or url.fragment is not None:
        raise ValueError("must have no user name, no password, no query and no fragment")
    return url


def from_text(parse: Callable[[str], object]) -> BeforeValidator:
    """A validator of pydantic that parses a setting with `parse` if its value is a text. Other values, such as defaults, are not parsed."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def kept_for(seconds: float | None) -> timedelta | None:
    """The period that a setting gives in seconds; None if the setting is None."""
    return None if seconds is None else timedelta(seconds=seconds)


SigningKey = Annotated[SecretStr, Field(min_length=MIN_KEY_CHARACTERS), AfterValidator(random_enough)]
DataKeys = Annotated[Secret[dict[str, bytes]], NoDecode, from_text(data_keys)]
HeaderNames = Annotated[tuple[str, ...], NoDecode, from_text(origins.header_names)]
OriginList = Annotated[tuple[str, ...], NoDecode, from_text(origins.parsed)]
NetworkList = Annotated[tuple[str, ...], NoDecode, from_text(networks)]
Ages = Annotated[tuple[float, ...], NoDecode, from_text(ages)]
PublicUrl = Annotated[AnyHttpUrl, AfterValidator(base_url)]
KeySetUrl = Annotated[AnyHttpUrl, AfterValidator(encrypted_url)]


class Settings(BaseSettings):
    """All settings of the gateway. `gateway serve` requires every setting that has no default."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", env_ignore_empty=True, extra="forbid", hide_input_in_errors=True)

    mongo_uri: SecretStr = Field(description="The URI of the MongoDB replica set: mongodb://host/database?replicaSet=name")
    signing_key: SigningKey = Field(description="The key that signs follow tokens, the sandbox's links and observed links, at least 32 characters")
    fingerprint_key: SigningKey = Field(
        description="The key of the HMAC over inputs, at least 32 characters. It detects that an idempotency key is used again with another "
        "input. If this key is changed, requests that repeat an older idempotency key receive IDEMPOTENCY_CONFLICT"
    )
    data_keys: DataKeys = Field(
        description="The keys that encrypt personal data: id:key, 32 bytes in base64, separated by commas. The first key encrypts, all keys decrypt"
    )
    public_url: PublicUrl = Field(description="The URL under which browsers reach the gateway: https://gateway.example.com")
    allowed_origins: OriginList = Field(
        default=(),
        description="The origins, besides the gateway's own, whose pages may call it from a browser: https://app.example.com, separated by commas",
    )
    allowed_headers: HeaderNames = Field(
        default=origins.DEFAULT_HEADERS,
        description="The headers that pages of allowed origins may send, separated by commas. This replaces the default: keep authorization and "
        "content-type",
    )
    trusted_proxies: NetworkList = Field(
        default=(), description="The addresses and networks of the proxies whose X-Forwarded-For is trusted, separated by commas; none by default"
    )
    provider: Literal["sandbox", "external"] | None = Field(
        default=None,
        description="The provider at which verifications are started. external: you start them at any provider, and report their results. sandbox: a "
        "page of the gateway, for tests, where anyone who has a link chooses the outcome. Without this setting, no verification can be created",
    )
    providers_file: Path | None = Field(
        default=None,
        description="A TOML file with the provider of each workspace: see docs/providers.md. `gateway serve` reads it again on SIGHUP. A workspace "
        "that the file does not name has the provider of GATEWAY_PROVIDER",
    )
    allow_sandbox: bool = Field(default=False, description="Whether `gateway serve` accepts the provider sandbox")
    workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="How many processes of `gateway serve` share the port, such as one for each core; see docs/running.md",
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to listen on; 0 takes a free one")
    admin_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="A port for /livez, /readyz, /healthz and /metrics, which the port of the API then no longer serves. By default, GATEWAY_PORT",
    )
    drain_delay_seconds: float = Field(
        default=0,
        ge=0,
        le=300,
        description="How many seconds, after SIGTERM, the process still serves while /readyz says that it will end, so that proxies stop sending "
        "requests to it. The image sets 5. Whatever stops the process must wait for 10 s more before it kills it",
    )
    token_jwks_url: KeySetUrl | None = Field(
        default=None, description="The https URL of the token issuer's public keys, a JWK set (RS256, PS256, ES256, ES384, Ed25519)"
    )
    token_jwks_file: Path | None = Field(
        default=None, description="A file with the token issuer's JWK set, instead of GATEWAY_TOKEN_JWKS_URL. It is read again when it changes"
    )
    token_key: SigningKey | None = Field(
        default=None, description="A key shared with the token issuer (HS256), at least 32 characters; in addition to a JWK set or instead of one"
    )
    token_issuer: str | None = Field(default=None, description="The `iss` that callers' tokens must have; required to serve")
    token_audience: str | None = Field(
        default=None, description="The `aud` that callers' tokens must have; without this setting, tokens must have no `aud`"
    )
    token_max_seconds: float = Field(
        default=86_400, gt=0, description="The longest lifetime of a caller's token in seconds, from its `iat` to its `exp`"
    )
    previous_signing_key: SigningKey | None = Field(
        default=None, description="The signing key before the last rotation. Tokens and links that it signed stay valid; it signs no new ones"
    )
    link_window_seconds: float = Field(default=900, gt=0, description="How many seconds after the link was opened the capture must have started")
    verification_window_seconds: float = Field(
        default=604_800, gt=0, description="How many seconds after the verification was created the capture must be completed"
    )
    retention_seconds: float | None = Field(
        default=None, gt=0, le=MAX_RETENTION_SECONDS, description="How many seconds personal data are kept after the outcome; forever by default"
    )
    anonymize_references: bool = Field(
        default=False,
        description="Whether anonymization also removes the integrator's references: `reference` becomes null, and `redirectionUrl` is cut to its "
        "origin. Verifications that were anonymized before are not changed",
    )
    processing_seconds: float = Field(
        default=259_200,
        gt=0,
        le=MAX_RETENTION_SECONDS,
        description="How many seconds after the end of its capture a verification without a result counts as stuck, in gateway_stuck_verifications",
    )
    delete_seconds: float | None = Field(
        default=None,
        gt=0,
        le=MAX_RETENTION_SECONDS,
        description="How many seconds after the outcome of all its attempts a chain is deleted, with its idempotency key; never by default",
    )
    archive: Path | None = Field(
        default=None,
        description="A directory in which verifications are recorded as JSON lines, without personal data, before the gateway deletes them at the "
        "end of GATEWAY_DELETE_SECONDS or GATEWAY_REMOVE_SECONDS; no archive by default",
    )
    remove_seconds: float | None = Field(
        default=None,
        gt=0,
        le=MAX_RETENTION_SECONDS,
        description="How many seconds after the anonymization of all its attempts a chain is deleted, with its idempotency key; never by default",
    )
    feed_resume_seconds: float = Field(
        default=86_400,
        gt=0,
        le=MAX_RETENTION_SECONDS,
        description="How old, in seconds, the cursor of a workspace's feed may be when the feed resumes. With an older one, it ends with LAGGED",
    )
    reconcile_seconds: Ages = Field(
        default=tuple(age.total_seconds() for age in DEFAULT_AGES),
        description="The ages, in seconds, at which a verification without a result is queried at its provider, in ascending order and separated by "
        "commas. After the last one, it is queried daily; also 60, 300 and 900 s after the individual came back",
    )
    sweep_seconds: float = Field(default=5, gt=0, description="The interval, in seconds, at which the gateway looks for deadlines that have passed")
    request_seconds: float = Field(default=20, gt=0, description="How many seconds a query or mutation may take")
    database_seconds: float = Field(
        default=18, gt=0, le=60, description="How many seconds MongoDB may take to answer, at most 60. A request waits this long for a new primary"
    )
    idle_seconds: float = Field(
        default=75,
        gt=0,
        description="How many seconds an HTTP connection may be idle between two requests. A proxy in front of the gateway must keep its connections "
        "for a shorter time",
    )
    max_sockets: int = Field(default=10_000, ge=1, description="How many WebSockets and event streams may be open in this process")
    max_sockets_per_address: int = Field(default=1000, ge=1, description="How many WebSockets and event streams may be open from one IP address")
    max_connections_per_address: int = Field(
        default=1000,
        ge=1,
        description="How many other HTTP connections may be open from one IP address. Those of proxies in GATEWAY_TRUSTED_PROXIES are not counted",
    )
    max_sockets_per_subject: int = Field(
        default=500, ge=1, description="How many WebSockets and event streams may be open for one subject of a workspace"
    )
    max_cost: int = Field(default=4000, ge=1, description="The maximum cost of one operation; a page of 50 verifications costs about 50")
    rate_cost_per_second: float = Field(
        default=2000, ge=0, allow_inf_nan=False, description="The cost that one caller may spend per second in each process; 0: no limit"
    )
    rate_burst_cost: int = Field(
        default=8000, ge=1, description="The cost that one caller may spend at once, after spending less than the rate for some seconds"
    )
    workspace_cost_per_second: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="The cost that all callers of one workspace together may spend per second in each process; 0: no limit. By default, one and a "
        "half times GATEWAY_RATE_COST_PER_SECOND",
    )
    workspace_burst_cost: int | None = Field(
        default=None,
        ge=1,
        description="The cost that all callers of one workspace together may spend at once. By default, one and a half times GATEWAY_RATE_BURST_COST",
    )
    address_refusals_per_second: float = Field(
        default=100,
        ge=0,
        allow_inf_nan=False,
        description="How many requests without a valid token are answered per second from one IP address. Past that, requests from there are refused "
        "with 429 unless their token was verified before; 0: no limit",
    )
    address_burst_refusals: int = Field(default=1000, ge=1, description="How many such requests are answered at once")
    count_seconds: float = Field(
        default=5, gt=0, description="How many seconds MongoDB may count for `totalCount` or `verificationStats`, which then end with TIMEOUT"
    )
    board: bool = Field(
        default=False,
        description="Whether the operators' board is served at /. Each reader signs in with a token of the company's own issuer. `gateway dev` "
        "always serves the board, if it is built",
    )
    introspection: bool = Field(
        default=False, description="Whether clients may read the schema: introspection, suggestions in errors, and /schema.graphql"
    )
    documents: Mode = Field(
        default="open",
        description="Which operation documents are executed. open: all; trusted-first: all, but documents that GATEWAY_TRUSTED_DOCUMENTS does not "
        "contain are logged; trusted-only: only documents that it contains",
    )
    trusted_documents: Path | None = Field(
        default=None,
        description="A file with the operation documents that clients can send by id: a manifest of graphql-codegen, Relay's compiler or Apollo",
    )
    persisted_queries: bool = Field(
        default=False,
        description="Whether clients can send the SHA-256 of an operation document that was sent before: Apollo's automatic persisted queries",
    )
    audit_log: str | None = Field(
        default=None,
        min_length=1,
        description="Where the audit log is written: stdout, stderr, or the path of a file. It records who read personal data or internal reasons, "
        "closed or anonymized a verification, or issued a follow token. By default, there is none",
    )
    tracing: bool = Field(
        default=False,
        description="Whether operations are traced with OpenTelemetry. The standard variables OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER and "
        "others say where spans are sent, and which. Needs the extra `otel`, which the image contains",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The lowest level that is logged")
    log_format: Literal["json", "console"] = Field(default="json", description="The format of the log")

    @property
    def windows(self) -> Windows:
        """The time limits within which the person being verified must act: for starting a capture, and for completing one."""
        return Windows(timedelta(seconds=self.link_window_seconds), timedelta(seconds=self.verification_window_seconds))

    @property
    def periods(self) -> Periods:
        """How long personal data and verifications are kept."""
        return Periods(kept_for(self.retention_seconds), kept_for(self.delete_seconds), kept_for(self.remove_seconds))

    @property
    def processing(self) -> timedelta:
        """How long after the end of its capture a verification may wait for a result before it counts as stuck."""
        return timedelta(seconds=self.processing_seconds)

    @property
    def query_schedule(self) -> QuerySchedule:
        """When the gateway queries the providers for results."""
        return QuerySchedule(tuple(timedelta(seconds=seconds) for seconds in self.reconcile_seconds))

    @property
    def feed_resumption(self) -> timedelta:
        """How old the cursor of a workspace's feed may be when the feed resumes."""
        return timedelta(seconds=self.feed_resume_seconds)

    @property
    def workspace_rate(self) -> tuple[float, float]:
        """What all callers of one workspace together may spend: per second, and at once."""
        per_second, burst = self.workspace_cost_per_second, self.workspace_burst_cost
        return (
            self.rate_cost_per_second * WORKSPACE_SHARE if per_second is None else per_second,
            self.rate_burst_cost * WORKSPACE_SHARE if burst is None else burst,
        )

    @property
    def signing_keys(self) -> list[str]:
        """The keys of follow tokens, of the sandbox's links and of observed links. The first key signs. All of them verify."""
        return [key.get_secret_value() for key in (self.signing_key, self.previous_signing_key) if key]


def secret_settings() -> list[str]:
    """The names of the settings that contain a secret. Each of them can also be read from a file, which the variable with `_FILE` names."""
    return [name for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)]


def secrets_of_files(troubles: dict[str, str]) -> dict[str, str]:
    """The secrets in the files that the variables GATEWAY_…_FILE name, without the line break at their end.

    Adds the settings whose files can't be used to `troubles`.
    """
    found = {}
    for name in secret_settings():
        path = os.environ.get(variable(f"{name}_file"))
        if not path:
            continue
        try:
            found[name] = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            troubles[f"{name}_file"] = f"names a file that can't be read ({getattr(error, 'strerror', None) or 'it is not text in UTF-8'})"
            continue
        if not found[name]:
            troubles[f"{name}_file"] = "names an empty file"
        if os.environ.get(variable(name)):
            troubles[f"{name}_file"] = f"can't be set together with {variable(name)}; unset one of them"
    return found


def read_settings(defaults: dict[str, Any], required: Collection[str] = (), **overrides: Any) -> Settings:
    """Read the settings: from the overrides first, then from the files of secrets and the environment, then from the defaults.

    `required`: the names of settings that must be set although they have a default.
    Raises: BadSettings.
    """
    troubles: dict[str, str] = {}
    values = {**defaults, **EnvSettingsSource(Settings)(), **secrets_of_files(troubles), **overrides}
    troubles |= {name: absence(name) for name in required if values.get(name) is None}
    if all(values.get(name) is None and f"{name}_file" not in troubles for name in TRUST):
        troubles["token_jwks_url"] = "is missing; set it, or GATEWAY_TOKEN_JWKS_FILE, or GATEWAY_TOKEN_KEY, so that tokens can be verified"
    try:
        settings = Settings(**values)
    except ValidationError as error:
        faults = ((str(fault["loc"][0]), fault) for fault in error.errors())
        # If the file of a secret can't be used, pydantic also reports the secret as missing. This second message about one mistake is left out.
        found = {name: trouble(name, fault["type"], fault["msg"]) for name, fault in faults if f"{name}_file" not in troubles}
        raise BadSettings(found | troubles) from None
    if troubles:
        raise BadSettings(troubles)
    return settings


def to_serve() -> Settings:
    """Read the settings for `gateway serve` from the environment. Raises: BadSettings if they are not fit for production."""
    # The issuer is required: without it, the gateway would accept tokens that another issuer signed with the same key.
    return checked_to_serve(read_settings({}, required=("token_issuer",)))


def checked_to_serve(settings: Settings) -> Settings:
    """Check that settings are fit for production. Returns them.

    Raises: BadSettings if a key was made for development, if two keys are equal, or if the provider is the sandbox and this is not allowed.
    """
    keys: dict[str, SecretStr] = {name: key for name in KEY_SETTINGS if (key := getattr(settings, name))}
    weak = [name for name, key in keys.items() if key.get_secret_value().startswith(DEVELOPMENT_PREFIX)]
    if DEVELOPMENT_KEY_ID in settings.data_keys.get_secret_value():
        weak.append("data_keys")
    if weak:
        raise BadSettings(dict.fromkeys(weak, "was made for development; `openssl rand -base64 48` makes one"))
    if shared := [name for name, key in keys.items() if list(keys.values()).count(key) > 1]:
        raise BadSettings(dict.fromkeys(shared, "has the same value as another key; each needs its own"))
    if settings.provider == "sandbox" and not settings.allow_sandbox:
        raise BadSettings({"provider": NO_SANDBOX})
    return settings


def sections_of(settings: Settings, local: bool = False) -> dict[str, SandboxSection | ExternalSection | YousignSection]:
    """The sections of the providers file, by workspace; none if GATEWAY_PROVIDERS_FILE is not set.

    `local`: whether the gateway runs on a developer's machine, where the sandbox and addresses without encryption are allowed.
    Raises: BadProvidersFile, also if a section has something that is not allowed here.
    """
    path = settings.providers_file
    sections = read_providers(path, os.environ) if path else {}
    troubles = [] if local else [f"[{workspace}] {fault}" for workspace, section in sections.items() for fault in unsafe(section, settings)]
    if path and troubles:
        raise BadProvidersFile(path, troubles)
    return sections


def unsafe(section: SandboxSection | ExternalSection | YousignSection, settings: Settings) -> list[str]:
    """What a section contains that is allowed only on a developer's machine, as messages."""
    address = section.follow_renewal_url
    return [
        *([f"provider: {NO_SANDBOX}"] if section.provider == "sandbox" and not settings.allow_sandbox else []),
        *(["follow_renewal_url: must be an https URL"] if address and address.scheme != "https" else []),
    ]


def unknown() -> list[str]:
    """The environment variables that begin with GATEWAY_ but are not settings. Most are misspelled settings."""
    names = {variable(name) for name in Settings.model_fields} | {variable(f"{name}_file") for name in secret_settings()}
    return sorted(name for name in os.environ if name.startswith("GATEWAY_") and name.upper() not in names)


def example() -> str:
    """The content of `.env.example`: all settings as environment variables. Settings with a default are commented out."""
    files = ", ".join(variable(f"{name}_file") for name in secret_settings())
    lines = [
        "# All settings, with their defaults, as written by `gateway settings`. Settings that are not commented out are required.",
        "# GATEWAY_TOKEN_ISSUER is required too, and one of GATEWAY_TOKEN_JWKS_URL, GATEWAY_TOKEN_JWKS_FILE and GATEWAY_TOKEN_KEY.",
        f"# Each secret can also be read from a file that another variable names: {files}.",
        "",
    ]
    for name, field in Settings.model_fields.items():
        lines.append(f"# {field.description}.")
        default = "" if field.default in (None, ()) else as_text(field.default)
        lines += [f"{variable(name)}=" if field.is_required() else f"#{variable(name)}={default}", ""]
    return "\n".join(lines[:-1]) + "\n"


def as_text(default: object) -> str:
    """A default as the value of an environment variable. The items of a list are separated by commas."""
    items = default if isinstance(default, tuple) else (default,)
    return ",".join(f"{item:g}" if isinstance(default, tuple) and isinstance(item, float) else str(item) for item in items)


def variable(name: str) -> str:
    """The name of the environment variable of a setting."""
    return f"GATEWAY_{name.upper()}"


def absence(name: str) -> str:
    """The message for a setting that has no value. An empty environment variable counts as no value."""
    return "is empty" if variable(name) in os.environ else "is missing"


def trouble(name: str, type: str, message: str) -> str:
    """The message for a validation error of pydantic.

    `type`, `message`: the type and the message of that error. The result never contains the value.
    """
    match type:
        case "missing":
            return absence(name)
        case "too_short":
            return f"must have at least {MIN_KEY_CHARACTERS} characters"
        case _:
            return message.removeprefix("Value error, ")
