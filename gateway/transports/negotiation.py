"""What a client would like to have: media types, encodings, and how much it likes each."""

from collections.abc import Iterable
from functools import lru_cache

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"


# No client has more to wish for, and whoever has is not listened to any longer.
MOST_CHARACTERS = 1000


def weighed(header: str) -> dict[str, float]:
    """What a header such as `Accept` lists, with the weight of each, 0 to 1."""
    wishes: dict[str, float] = {}
    for wish in header[:MOST_CHARACTERS].split(","):
        name, *parameters = (part.strip().lower() for part in wish.split(";"))
        wishes[name] = quality(parameters)
    return wishes


@lru_cache(256)
def wished(accept: str) -> tuple[str | None, bool]:
    """The media type of JSON that an `Accept` header likes best, None where it takes none; and whether it takes an event stream."""
    wishes = weighed(accept)
    return preferred(wishes), wishes.get(EVENT_STREAM, 0.0) > 0


def preferred(wishes: dict[str, float]) -> str | None:
    """The media type of JSON that the client likes best; None where it takes none. Only who names the newer one gets it."""
    likings = {media: wishes.get(media, wishes.get("application/*", wishes.get("*/*", 0.0))) for media in (JSON, RESPONSE_JSON)}
    best = max(likings, key=lambda media: (likings[media], media in wishes and media == RESPONSE_JSON))
    return best if likings[best] > 0 else None


def quality(parameters: Iterable[str]) -> float:
    """The weight of a wish, 0 to 1. Source: RFC 9110, 12.4.2."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
