"""The documentation as plain Markdown at the address of a development gateway, and `/llms.txt`, the list of its pages.

Only a checkout of the project contains the documentation. A gateway that runs from the wheel or the image does not have these addresses.
Source of the format: the proposal for /llms.txt, 2024.
"""

import re
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.pages.page import PAGE_HEADERS

ROOT = Path(__file__).parents[2]
README = "README.md"
# A link to a file of the project. Group 1: the path, relative to the page.
RELATIVE_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)(?:#[^)]*)?\)")
# A link in Markdown, of which `llms.txt` contains only the text (group 1).
ANY_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
SENTENCE = re.compile(r".+?\.(?=\s|$)")
# How paragraphs begin that do not say what a page is about: sections, tables, code, pictures, and the state of a decision.
NO_PROSE = ("#", "|", "```", "    ", "!", "Status:", "**")
IMAGES = {".svg": "image/svg+xml", ".png": "image/png"}


def routes(root: Path = ROOT) -> list[BaseRoute]:
    """The routes of `/llms.txt`, of the pages, and of the files to which the pages link; none if there is no documentation.

    `root`: the folder of the project. Each file is served under the path that it has in the project, so that relative links between pages work.
    """
    pages = documentation_files(root)
    if not pages:
        return []
    folders = [path.removesuffix(f"/{README}") for path in pages if path.endswith(f"/{README}")]
    return [
        Route("/llms.txt", partial(overview, root)),
        *(Route(f"/{path}", partial(file_response, root / path)) for path in pages),
        *(Route(f"/{folder}", folder_response) for folder in folders),
    ]


def documentation_files(root: Path) -> list[str]:
    """The paths of README, of the pages in `docs/`, and of all files of the project that these link to, directly or through other pages."""
    if not (root / README).exists() or not (root / "docs").is_dir():
        return []
    found: dict[str, None] = {}
    waiting = [README, *(str(path.relative_to(root)) for path in sorted((root / "docs").rglob("*.md")))]
    while waiting:
        path = waiting.pop(0)
        if path in found:
            continue
        found[path] = None
        if path.endswith(".md"):
            waiting += [link for link in linked_files(root, path) if link not in found]
    return list(found)


def linked_files(root: Path, page: str) -> list[str]:
    """The paths of the files in the project to which a page links, in the order of the page. A link to a folder leads to its README."""
    targets = [(root / page).parent.joinpath(link).resolve() for link in RELATIVE_LINK.findall((root / page).read_text())]
    files = [target / README if target.is_dir() else target for target in targets]
    return [str(file.relative_to(root.resolve())) for file in files if file.is_file() and file.is_relative_to(root.resolve())]


def file_response(path: Path, request: Request) -> Response:
    """The response with a file. Browsers receive Markdown as plain text, because some of them would save a file of another type."""
    media = IMAGES.get(path.suffix, "text/markdown" if path.suffix == ".md" and not shows(request) else "text/plain")
    return Response(path.read_bytes(), headers={**PAGE_HEADERS, "vary": "accept"}, media_type=media)


def folder_response(request: Request) -> Response:
    """The redirect from a folder to its README. The address is relative, so that it is right even behind a proxy that adds a path prefix."""
    return RedirectResponse(f"{request.url.path.rpartition('/')[2]}/{README}")


def overview(root: Path, request: Request) -> Response:
    """The response with the list of all pages."""
    return Response(overview_text(root), headers=PAGE_HEADERS, media_type="text/plain")


def shows(request: Request) -> bool:
    """Whether the client is a browser that shows the response to a user."""
    return "text/html" in request.headers.get("accept", "")


def overview_text(root: Path) -> str:
    """The content of `/llms.txt`: the title and the first sentence of each page.

    The pages that README links to come first, in the order of README.
    """
    pages = [path for path in documentation_files(root) if path.endswith(".md")]
    in_order = [link for link in linked_files(root, README) if link.startswith("docs/") and link in pages]
    main = list(dict.fromkeys([*in_order, *(path for path in pages if re.fullmatch(r"docs/[^/]+", path))]))
    packages = [path for path in pages if path.startswith("web/")]
    rest = [path for path in pages if path not in [README, *main, *packages]]
    title, summary = heading_of(root / README)
    sections = {"Documentation": main, "Packages for frontends": packages, "Optional": rest}
    lines = [f"# {title}", "", f"> {summary}", "", "Begin with [README](README.md). The API describes itself: [the schema](schema.graphql)."]
    for name, paths in sections.items():
        lines += ["", f"## {name}", "", *(entry(root, path) for path in paths)]
    return "\n".join(lines) + "\n"


def entry(root: Path, path: str) -> str:
    """The line of a page in `/llms.txt`: its title, its path, and its first sentence."""
    title, first = heading_of(root / path)
    sentence = SENTENCE.match(first)
    return f"- [{title}]({path})" + (f": {sentence[0]}" if sentence else "")


def heading_of(page: Path) -> tuple[str, str]:
    """The title of a page, and its first paragraph as one line without links; empty if the page begins with something else than prose."""
    title, _, rest = page.read_text().partition("\n")
    first = rest.lstrip("\n").partition("\n\n")[0]
    return title.removeprefix("# ").strip(), "" if first.startswith(NO_PROSE) else ANY_LINK.sub(r"\1", " ".join(first.split()))
