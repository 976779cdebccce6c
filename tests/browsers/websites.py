"""Websites beside the gateway, to which the individual's browser goes: the provider's page with the camera, and the company's page at the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.fakes.yousign import FakeYousign
from tests.local_server import local_server

STYLE = """
:root { color-scheme: light; }
body { margin: 0; min-height: 100vh; font: 17px/26px Inter, system-ui, sans-serif; color: INK; background: PAPER; }
body, main { display: flex; flex-direction: column; }
header { padding: 18px 20px; font-weight: 600; }
main { flex: 1; padding: 24px 20px 20px; }
h1 { margin: 24px 0 8px; font-size: 28px; line-height: 34px; letter-spacing: -0.02em; }
p { margin: 0; }
svg { width: 100%; }
a { margin-top: auto; padding: 14px; border-radius: 14px; background: INK; color: PAPER; text-align: center; text-decoration: none; }
"""
CAMERA = """
<svg viewBox="0 0 350 330"><rect width="350" height="330" rx="22" fill="#20262b"/><circle cx="175" cy="140" r="86" fill="none" stroke="#8fe0b4"
stroke-width="3" stroke-dasharray="10 8"/><circle cx="175" cy="122" r="30" fill="#56616a"/><path d="M117 206c10-46 106-46 116 0" fill="#56616a"/>
<circle cx="36" cy="34" r="8" fill="#ff5f57"/></svg>
"""
CHECK = """
<svg viewBox="0 0 350 200"><circle cx="175" cy="110" r="64" fill="#e6efe9"/><path d="M146 112l20 20 38-44" fill="none" stroke="#17603b"
stroke-width="8" stroke-linecap="round" stroke-linejoin="round"/></svg>
"""


@dataclass
class Websites:
    """The addresses of the two websites, which have different origins.

    `fake`: the fake of Yousign at which the verification was started. The provider's page takes the address of its link from the fake.
    """

    fake: FakeYousign
    provider: str = ""
    company: str = ""

    async def capture(self, request: Request) -> Response:
        """The provider's page, where the individual would be recorded. Its link leads to the address at which the provider returns the individual."""
        back = self.fake.bodies[request.path_params["id"]]["redirection_url"]
        return page(
            "Provider",
            f'{CAMERA}<h1>Look into the camera</h1><p>Keep your face inside the circle.</p><a href="{back}">I am done</a>',
            "#f2f5f7",
            "#11181d",
        )

    async def welcome(self, request: Request) -> Response:
        """The company's page, to which the individual comes back."""
        return page("Shop", f"{CHECK}<h1>Thank you</h1><p>We are checking your video. You can close this page.</p>", "#ffffff", "#123524")


def page(name: str, content: str, paper: str, ink: str) -> HTMLResponse:
    """A page of a website. `paper`, `ink`: the colours of the background and of the text."""
    style = STYLE.replace("PAPER", paper).replace("INK", ink)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{name}</title><link rel="icon" href="data:,">'
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head>{head}<style>{style}</style></head><body><header>{name}</header><main>{content}</main>'
    )


@asynccontextmanager
async def websites(fake: FakeYousign) -> AsyncIterator[Websites]:
    """A context in which the websites run. The links of the verifications that are created at the fake lead to the provider's page."""
    sites = Websites(fake)
    async with local_server([Route("/start/{id}", sites.capture), Route("/welcome", sites.welcome)]) as port:
        sites.provider, sites.company = f"http://127.0.0.1:{port}", f"http://localhost:{port}"
        fake.pages_url = sites.provider
        yield sites
