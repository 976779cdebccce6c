"""`gateway check`: checks whether the gateway can serve here, without serving."""

import asyncio
from collections.abc import Callable

import httpx2

from gateway.application import documents, keys_of_issuer
from gateway.callers.keys import KeysNotUsable, PublishedKeys
from gateway.commands.findings import Finding, Problem
from gateway.commands.mongo_findings import mongo_findings
from gateway.pages.board import BoardNotBuilt, production_pages
from gateway.provision import provider_client
from gateway.settings import KEY_SETTINGS, BadSettings, Settings, absence, sections_of, unknown, variable
from lifecycle.archive import Archive
from providers.file import BadProvidersFile, ExternalSection, SandboxSection, YousignSection
from providers.reports import ProviderError
from providers.yousign import Yousign
from schema.build import build, executable


async def check(read: Callable[[], Settings]) -> list[Finding]:
    """Run all checks and return their results. No result contains a secret, or an address that is not in the settings.

    `read`: reads the settings, and raises BadSettings if they can't be used. Then nothing else is checked.
    """
    try:
        settings = read()
    except BadSettings as bad:
        return settings_problems(bad)
    return [
        *settings_found(settings),
        *files_found(settings),
        *archive_found(settings),
        *await providers_found(settings),
        *await issuer_keys_found(settings),
        *await mongo_findings(settings),
    ]


def settings_problems(bad: BadSettings) -> list[Finding]:
    """One finding for each setting that is missing or invalid. A key that is set but can't be used is a problem of its own kind."""
    keys = {*KEY_SETTINGS, "data_keys"}
    return [
        Finding(f"{variable(name)}: {trouble}", Problem.KEYS if name in keys and trouble != absence(name) else Problem.SETTINGS)
        for name, trouble in bad.troubles.items()
    ]


def settings_found(settings: Settings) -> list[Finding]:
    """The results for the settings, which were read without a fault. An environment variable GATEWAY_… that is no setting is reported as a fault."""
    others = "other workspaces have none" if settings.providers_file else "none, so that no verification can be created; GATEWAY_PROVIDER sets it"
    return [
        Finding("settings: complete"),
        Finding(f"provider: {settings.provider or others}"),
        *(Finding(f"{name} is not a setting; `gateway settings` lists all settings", Problem.SETTINGS) for name in unknown()),
    ]


def files_found(settings: Settings) -> list[Finding]:
    """One finding for each file that can't be used: the trusted documents, the issuer's keys, the board's pages. Files that can be used have none."""
    found = []
    for use in (
        lambda: documents(settings, executable(build())),
        lambda: keys_of_issuer(settings),
        lambda: production_pages(settings.board, settings.processing_seconds),
    ):
        try:
            use()
        except BadSettings as bad:
            found += settings_problems(bad)
        except BoardNotBuilt as error:
            found.append(Finding(str(error), Problem.SETTINGS))
    return found


def archive_found(settings: Settings) -> list[Finding]:
    """Check that files can be written into the archive, by writing one and removing it. No finding if the settings name no archive."""
    if not settings.archive:
        return []
    try:
        Archive(settings.archive)
    except NotADirectoryError as error:
        return [Finding(f"archive {settings.archive}: {error.strerror}", Problem.SETTINGS)]
    return [Finding(f"archive {settings.archive}: files can be written")]


async def issuer_keys_found(settings: Settings) -> list[Finding]:
    """Fetch the issuer's keys, if the settings have their URL and no file of keys. If they have both, `files_found` reports the contradiction."""
    if not settings.token_jwks_url or settings.token_jwks_file:
        return []
    try:
        count = await PublishedKeys(str(settings.token_jwks_url)).count()
    except KeysNotUsable as error:
        return [Finding(f"issuer's keys: can't be fetched from GATEWAY_TOKEN_JWKS_URL: {error}", Problem.ISSUER_KEYS)]
    return [Finding(f"issuer's keys: {count} usable at GATEWAY_TOKEN_JWKS_URL")]


async def providers_found(settings: Settings) -> list[Finding]:
    """Check the provider of each workspace of the providers file. One result for each; none contains a secret."""
    try:
        sections = sections_of(settings)
    except BadProvidersFile as bad:
        return [Finding(f"providers file {settings.providers_file}: {trouble}", Problem.PROVIDERS_FILE) for trouble in bad.troubles]
    async with provider_client() as client:
        return await asyncio.gather(*(provider_found(workspace, section, client) for workspace, section in sections.items()))


async def provider_found(workspace: str, section: SandboxSection | ExternalSection | YousignSection, client: httpx2.AsyncClient) -> Finding:
    """Check the provider of one workspace. If the section has an API key, the provider must answer and accept that key."""
    name = f"provider of {workspace}: {section.provider}"
    if not isinstance(section, YousignSection):
        return Finding(name)
    try:
        await Yousign(client, section, lambda *_: None).reachable()
    except ProviderError as error:
        return Finding(f"{name} at {section.base_url.host} can't be used: {error}", Problem.PROVIDER)
    return Finding(f"{name} at {section.base_url.host} accepts the API key; {len(section.webhook_secrets)} webhook secret(s) are set")
