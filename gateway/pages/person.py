"""The HTML of the individual's pages: between the company's link and the provider, and on the way back."""

import re
from urllib.parse import urlsplit

from domain.text import origin
from gateway.pages.page import rendered
from gateway.pages.person_texts import PERSON_TEXTS

# How long a page waits before it loads itself again. A page does this while the link to the provider does not exist yet, and while the gateway can't
# read or write verifications.
RELOAD_SECONDS = 4
# An origin in the form that a Content-Security-Policy can contain. Source: Content Security Policy Level 3, 2.3.1 (`host-source`).
NAMEABLE_ORIGIN = re.compile(r"https?://[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?", re.IGNORECASE)
# An addition to the policy of all pages (`page_response`): a page that waits may run its script, which loads the page again.
WAITING_POLICY = "script-src 'self'; form-action 'none'"


def ready_page(language: str) -> str:
    """The page from which the individual goes to the provider: its script goes there at once. Without JavaScript, the individual presses a button."""
    return _page(language, "ready")


def preparing_page(language: str) -> str:
    """The page for a verification that has no link to the provider yet. It loads itself again."""
    return _page(language, "preparing")


def ended_page(language: str, redirection_url: str | None) -> str:
    """The page behind a link that is no longer valid. It leads back to the origin of the redirection URL, if there is one."""
    back = origin(redirection_url) if isinstance(redirection_url, str) else ""
    return _page(language, "ended", back=back, host=urlsplit(back).netloc)


def unavailable_page(language: str) -> str:
    """The page for the time in which the gateway can't read or write verifications. It loads itself again."""
    return _page(language, "unavailable")


def ready_policy(provider_url: str) -> str:
    """The policy of `ready_page`: the page may run its script, and send its form.

    The response to the form redirects to the provider, and Chromium follows a redirect only to an address that `form-action` allows. It checks every
    redirect that follows, too, and the provider may redirect to other hosts. So the policy also allows every host with the scheme of the provider.
    """
    address = origin(provider_url)
    named = [address] if NAMEABLE_ORIGIN.fullmatch(address) else []
    allowed = ["'self'", *named, f"{address.partition(':')[0].lower()}:"]
    return f"script-src 'self'; connect-src 'self'; form-action {' '.join(allowed)}"


def _page(language: str, state: str, back: str = "", host: str = "") -> str:
    texts = PERSON_TEXTS[language]
    return rendered(
        "person.html",
        language=language,
        state=state,
        header=texts.header,
        texts=getattr(texts, state),
        tips=texts.tips if state == "ready" else (),
        back=back,
        host=host,
        reload_seconds=RELOAD_SECONDS if state in ("preparing", "unavailable") else None,
    )
