"""The page at `/follow`: where a verification stands, for the person who is being verified. `make board` builds its files from `web/person`.

The person's link is `/follow#TOKEN`. The token is a follow token, which the integrator requested with `issueFollowToken`. Browsers do not send the
part after `#` to servers, so the gateway serves the same page for every link. The page's script uses the token at `/graphql`.
"""

from pathlib import Path

from starlette.routing import BaseRoute

from gateway.pages.bundle import bundle_routes, is_built

FOLLOW_FILES = Path(__file__).parent / "follow"


def follow_routes(bundle: Path = FOLLOW_FILES) -> list[BaseRoute]:
    """The routes of the page and of its files; none if the page is not built."""
    return bundle_routes(bundle, "/follow", "follow/assets", lambda: {"graphql": "graphql"}) if is_built(bundle) else []
