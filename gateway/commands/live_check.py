"""`gateway check --provider WORKSPACE --live`: takes one verification through the provider of a workspace, without MongoDB and without a server."""

import asyncio
from collections.abc import Callable
from itertools import count

import httpx2

from domain.errors import DomainError
from domain.identity import DeclaredIdentity
from domain.request import Request
from gateway.provision import provider_client
from gateway.settings import Settings, sections_of
from providers.file import YousignSection
from providers.port import Start
from providers.reports import ProviderAway, ProviderError, Report
from providers.yousign import Yousign

SPECIMEN = DeclaredIdentity("Jeanne", "Specimen")
MINUTE_SECONDS, HOUR_SECONDS = 60.0, 3600.0

Print = Callable[[str], object]


async def live_check(settings: Settings, workspace: str, show: Print) -> bool:
    """Create a verification of an invented person, and read it until it has an outcome. `show` prints a line. Returns whether it got an outcome.

    Raises: BadProvidersFile.
    """
    section = sections_of(settings).get(workspace)
    if not isinstance(section, YousignSection):
        show(f"The workspace {workspace} has no provider that can be queried; add it to the file that GATEWAY_PROVIDERS_FILE names.")
        return False
    async with provider_client() as client:
        return await taken_through(client, section, str(settings.public_url), show)


async def taken_through(client: httpx2.AsyncClient, section: YousignSection, return_url: str, show: Print) -> bool:
    """Create a verification at Yousign, and read it until it has an outcome. Returns whether it got an outcome.

    The verification is read no more often than the section of the providers file allows (`reads_per_minute`, `reads_per_hour`).
    """
    yousign = Yousign(client, section, lambda *_: None)
    request = Request(SPECIMEN, return_url)
    try:
        started = await yousign.start(Start("", "", request, return_url))
    except (ProviderError, DomainError) as error:
        show(f"The verification could not be created: {error}.")
        return False
    show(f"Created the verification {started.id} of {SPECIMEN.first_name} {SPECIMEN.last_name}.")
    show(f"Open this link, and choose an outcome: {started.url}")
    show(f"It is read every {pause_seconds(section):.0f} seconds. Ctrl-C ends this check.")
    return await read_until_final(yousign, started.id or "", pause_seconds(section), show)


async def read_until_final(yousign: Yousign, id: str, pause: float, show: Print) -> bool:
    """Read a verification every `pause` seconds until it has an outcome. Returns whether it got one. Prints each new state, then a summary."""
    seen: list[str] = []
    try:
        for _ in count():
            wait = pause
            try:
                state = described_report(report := await yousign.read(id))
                if not seen or seen[-1] != state:
                    seen.append(state)
                    show(f"Read: {state}.")
                if report.status.final:
                    return True
            except ProviderAway as away:
                show(f"The provider could not be read: {away}.")
                wait = max(pause, away.retry_after_seconds or 0)
            except ProviderError as error:
                show(f"The provider can't be read: {error}.")
                return False
            await asyncio.sleep(wait)
        return False
    finally:
        show(f"Seen: {', then '.join(seen) or 'nothing'}.")


def described_report(report: Report) -> str:
    """The status, the codes, and whether there are data of a document. The data themselves are not shown."""
    codes = f" [{', '.join(report.codes)}]" if report.codes else ""
    return f"{report.status.value}{codes}{' with the data of a document' if report.document else ''}"


def pause_seconds(section: YousignSection) -> float:
    """The pause between reads that keeps within both `reads_per_minute` and `reads_per_hour`."""
    return max(MINUTE_SECONDS / section.reads_per_minute, HOUR_SECONDS / section.reads_per_hour)
