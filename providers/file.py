"""The providers file: a TOML file that chooses the provider of each workspace, and the address that receives the webhooks of a workspace.

The file contains no secrets. It names the environment variables, or the files, that contain them.
"""

import re
import tomllib
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError, model_validator

from domain.caller import WORKSPACE_NAME

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
MIN_SECRET_CHARACTERS = 8
# Standard Webhooks: a secret has 24 to 64 bytes, which are written in base64 behind this prefix.
STANDARD_PREFIX = "whsec_"
STANDARD_BYTES = range(24, 65)
NAMEABLE_URL = re.compile(r"https?://[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?(/[A-Za-z0-9._~!$&()*+=:@%-]*)+")
# The usual form of the names of environment variables.
VARIABLE_NAME = re.compile("[A-Z][A-Z0-9_]*")


class BadProvidersFile(Exception):
    """The providers file can't be used. The message names each wrong entry by its workspace and its key, and never contains a secret.

    `troubles`: the parts of the message, one for each wrong entry.
    """

    def __init__(self, path: Path, troubles: list[str]) -> None:
        self.troubles = troubles
        super().__init__("\n".join([f"The providers file {path} can't be used:", *(f"  {trouble}" for trouble in troubles)]))


def safe_address(url: AnyHttpUrl) -> AnyHttpUrl:
    """Check that requests to a URL are encrypted, or stay on this machine. Returns the URL. Raises: ValueError."""
    if url.scheme != "https" and url.host not in LOOPBACK:
        raise ValueError("must be an https URL, or an http URL on this machine")
    # An empty query or fragment ("https://api.example?") is refused too: a path that is appended to such a URL would become a part of the query or
    # fragment.
    if url.username or url.password or url.query is not None or url.fragment is not None:
        raise ValueError("must have no user, no query and no fragment")
    return url


def standard_secret(secret: SecretStr) -> SecretStr:
    """Check that a secret has the form that Standard Webhooks requires. Returns the secret. Raises: ValueError."""
    text = secret.get_secret_value()
    try:
        length = len(b64decode(text.removeprefix(STANDARD_PREFIX), validate=True))
    except ValueError:
        length = 0
    if not text.startswith(STANDARD_PREFIX) or length not in STANDARD_BYTES:
        raise ValueError(f"must be {STANDARD_PREFIX} followed by 24 to 64 bytes in base64")
    return secret


def nameable_address(url: AnyHttpUrl) -> AnyHttpUrl:
    """Check that a Content-Security-Policy can name a URL. Returns the URL. Raises: ValueError.

    Source: Content Security Policy Level 3, 2.3.1 (`host-source`). A policy can't name IPv6 addresses, or paths with characters that separate the
            parts of a policy.
    """
    if not NAMEABLE_URL.fullmatch(str(url)):
        raise ValueError("must have a host name or an IPv4 address, and a path without quotes, commas and semicolons")
    return url


Address = Annotated[AnyHttpUrl, AfterValidator(safe_address)]
RenewalAddress = Annotated[AnyHttpUrl, AfterValidator(safe_address), AfterValidator(nameable_address)]
ProviderSecret = Annotated[SecretStr, Field(min_length=MIN_SECRET_CHARACTERS)]
StandardSecret = Annotated[SecretStr, AfterValidator(standard_secret)]


class Section(BaseModel):
    """A section of the file. Unfamiliar keys are refused, because they are usually misspelled keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Deliveries(Section):
    """Where the integrator's backend receives webhooks of a workspace, and the secret that signs them."""

    url: Address
    secret: StandardSecret


class SectionOfWorkspace(Section):
    """What the section of every workspace may contain, whatever its provider.

    `follow_renewal_url`: the integrator's address at which the page at `/follow` renews follow tokens.
    """

    deliveries: Deliveries | None = None
    follow_renewal_url: RenewalAddress | None = None


class SandboxSection(SectionOfWorkspace):
    """A workspace whose provider is the sandbox."""

    provider: Literal["sandbox"]


class ExternalSection(SectionOfWorkspace):
    """A workspace whose integrator starts verifications itself. `observe`: whether its verifications have observed links (see the glossary)."""

    provider: Literal["external"]
    observe: bool = True


class YousignSection(SectionOfWorkspace):
    """A workspace whose provider is Yousign.

    `webhook_secrets`: the secrets with which Yousign signs webhooks; a signature with any of them is valid.
    `workspace_id`: Yousign's own id of the workspace in which verifications are created; None for Yousign's default workspace.
    `observe`: whether verifications have observed links (see the glossary).
    `reads_per_minute`, `reads_per_hour`: how many queries for results the gateway may send to Yousign for this workspace.
    """

    provider: Literal["yousign"]
    base_url: Address
    api_key: ProviderSecret
    webhook_secrets: Annotated[tuple[ProviderSecret, ...], Field(min_length=1)]
    workspace_id: UUID | None = None
    observe: bool = True
    reads_per_minute: int = Field(default=20, ge=1)
    reads_per_hour: int = Field(default=150, ge=1)

    @model_validator(mode="after")
    def budget(self) -> Self:
        """Check that `reads_per_hour` is at least `reads_per_minute`."""
        if self.reads_per_hour < self.reads_per_minute:
            raise ValueError("reads_per_hour must not be smaller than reads_per_minute")
        return self


WorkspaceSection = Annotated[SandboxSection | ExternalSection | YousignSection, Field(discriminator="provider")]
SECTION: TypeAdapter[SandboxSection | ExternalSection | YousignSection] = TypeAdapter(WorkspaceSection)


def read_providers(path: Path, environment: Mapping[str, str]) -> dict[str, SandboxSection | ExternalSection | YousignSection]:
    """The sections of the providers file, by workspace. Secrets are read from the environment and the files that the sections name.

    Raises: BadProvidersFile.
    """
    try:
        content = tomllib.loads(path.read_text())
    except OSError as error:
        raise BadProvidersFile(path, [error.strerror or "can't be read"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadProvidersFile(path, [f"is not TOML: {error}"]) from None
    sections, troubles = {}, []
    for workspace, section in content.items():
        try:
            sections[workspace] = read_section(workspace, section, Secrets(environment, path.parent))
        except ValidationError as error:
            troubles += [f"[{workspace}] {trouble}" for trouble in troubles_of(error)]
        except ValueError as error:
            troubles.append(f"[{workspace}] {error}")
    if troubles:
        raise BadProvidersFile(path, troubles)
    return sections


def read_section(workspace: str, section: Any, secrets: "Secrets") -> SandboxSection | ExternalSection | YousignSection:
    """One section of the file, with its secrets. Raises: ValueError, and its subclass ValidationError."""
    if not WORKSPACE_NAME.fullmatch(workspace):
        raise ValueError("is not a workspace: 1 to 64 letters, digits, dots, hyphens and underscores")
    if not isinstance(section, dict):
        raise ValueError("must be a section of keys and values")
    section = secrets.resolved(section, {"api_key": False, "webhook_secrets": True})
    if isinstance(section.get("deliveries"), dict):
        section["deliveries"] = secrets.resolved(section["deliveries"], {"secret": False}, "deliveries.")
    return SECTION.validate_python(section)


class Secrets:
    """Reads secrets from environment variables and files. Relative paths begin at the folder of the providers file."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = environment
        self._folder = folder

    def resolved(self, section: dict[str, Any], names: dict[str, bool], prefix: str = "") -> dict[str, Any]:
        """A copy of a section in which each secret replaces the keys that name its source.

        `names`: the names of the secrets, and whether each is a list. The sources of the secret `api_key` are `api_key_env` and `api_key_file`, those
        of the list `webhook_secrets` are `webhook_secret_envs` and `webhook_secret_files`. `prefix`: stands before the keys in messages of errors.
        Raises: ValueError.
        """
        section = dict(section)
        for name, several in names.items():
            if name in section:
                raise ValueError(f"{prefix}{name} must not be in this file; name its source with {source_keys(name, several)}")
            env_key, file_key = source_keys(name, several).split(" or ")
            sources = {key: section.pop(key) for key in (env_key, file_key) if key in section}
            if len(sources) > 1:
                raise ValueError(f"{prefix}{env_key} and {prefix}{file_key} can't be set together")
            for key, source in sources.items():
                read = self._variable if key == env_key else self._file
                entries = source if several else [source]
                if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
                    raise ValueError(f"{prefix}{key}: must be {'a list of texts' if several else 'a text'}")
                found = [read(f"{prefix}{key}", entry) for entry in entries]
                section[name] = found if several else found[0]
        return section

    def _variable(self, key: str, name: str) -> str:
        if not self._environment.get(name):
            # A text without the form of a name may be the secret itself, written here by mistake. So the message does not show the text.
            shown = name if VARIABLE_NAME.fullmatch(name) else "with this name"
            raise ValueError(f"{key}: the environment variable {shown} is not set")
        return self._environment[name]

    def _file(self, key: str, name: str) -> str:
        try:
            content = (self._folder / name).read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise ValueError(f"{key}: the file {name} can't be read") from None
        if not content:
            raise ValueError(f"{key}: the file {name} is empty")
        return content


def source_keys(name: str, several: bool) -> str:
    """The keys that can name the source of a secret, as text: "api_key_env or api_key_file". `several`: whether `name` is a list of secrets."""
    stem, plural = (name.removesuffix("s"), "s") if several else (name, "")
    return f"{stem}_env{plural} or {stem}_file{plural}"


def troubles_of(error: ValidationError) -> list[str]:
    """What is wrong with a section: one line for each wrong key. The lines contain no values."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        # Leave out the first part of the location, which is the name of the provider: pydantic has chosen the class of the section by it.
        location = ".".join(str(part) for part in problem["loc"][1:])
        message = "is missing" if problem["type"] == "missing" else "is not a key of this section" if problem["type"] == "extra_forbidden" else None
        message = message or problem["msg"].removeprefix("Value error, ")
        if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
            location, message = "provider", 'must be "yousign", "external" or "sandbox"'
        key = {"api_key": "api_key_env or api_key_file", "webhook_secrets": "webhook_secret_envs or webhook_secret_files"}.get(location, location)
        lines.append(f"{key}: {message}" if key else message)
    return lines
