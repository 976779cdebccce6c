"""What a client would like to have: media types, encodings, and how much it likes each."""

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable
from functools import lru_cache

import brotli

from gateway.errors import RequestRefused, error, refused

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"


# No client has more to wish for, and whoever has is not listened to any longer.
MAX_CHARACTERS = 1000


def weighed(header: str) -> dict[str, float]:
    """What a header such as `Accept` lists, with the weight of each, 0 to 1."""
    weights: dict[str, float] = {}
    for wish in header[:MAX_CHARACTERS].split(","):
        name, *parameters = (part.strip().lower() for part in wish.split(";"))
        weights[name] = quality(parameters)
    return weights


@lru_cache(256)
def accepted_media(accept: str) -> tuple[str | None, bool]:
    """The media type of JSON that an `Accept` header likes best, None where it takes none; and whether it takes an event stream."""
    weights = weighed(accept)
    return preferred(weights), weights.get(EVENT_STREAM, 0.0) > 0


def preferred(weights: dict[str, float]) -> str | None:
    """The media type of JSON that the client likes best; None where it takes none. Only who names the newer one gets it."""
    likings = {media: weights.get(media, weights.get("application/*", weights.get("*/*", 0.0))) for media in (JSON, RESPONSE_JSON)}
    best = max(likings, key=lambda media: (likings[media], media in weights and media == RESPONSE_JSON))
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


# Another release of the gateway may have another catalogue.
MAX_AGE_SECONDS = 300
TAG_BYTES = 16
# Of less than a packet, nothing is gained.
SMALLEST_BYTES = 1400
GZIP_LEVEL = 5
BROTLI_QUALITY = 4
# Zlib's number for a gzip header and trailer around the data.
GZIP_WINDOW = zlib.MAX_WBITS | 16


def gunzipped(content: bytes, most: int) -> bytes | None:
    """What was compressed, up to one byte more than the most; None where it isn't whole. Raises: zlib.error."""
    reader = zlib.decompressobj(GZIP_WINDOW)
    plain = reader.decompress(content, most + 1)
    return plain if reader.eof or len(plain) > most else None


def unbrotlied(content: bytes, most: int) -> bytes | None:
    """The same. Raises: brotli.error."""
    reader = brotli.Decompressor()
    plain = reader.process(content, output_buffer_limit=most + 1)
    while len(plain) <= most and not reader.is_finished():
        more = reader.process(b"", output_buffer_limit=most + 1)
        if not more:
            return None
        plain += more
    return plain


READERS: dict[str, Callable[[bytes, int], bytes | None]] = {"gzip": gunzipped, "x-gzip": gunzipped, "br": unbrotlied}
WRITERS: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda content: brotli.compress(content, mode=brotli.MODE_TEXT, quality=BROTLI_QUALITY),
    "gzip": lambda content: gzip.compress(content, GZIP_LEVEL, mtime=0),
}


def decoded(content: bytes | bytearray, encoding: str, most: int) -> bytes | bytearray:
    """A request's body as it was before it was compressed. Raises: RequestRefused."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return content
    if encoding not in READERS:
        told = error("BAD_REQUEST", f"a body can be compressed with {' or '.join(WRITERS)}, once")
        raise RequestRefused(415, [told], {"accept-encoding": ", ".join(WRITERS)})
    try:
        plain: bytes | None = READERS[encoding](bytes(content), most)
    except (zlib.error, brotli.error):
        plain = None
    if plain is None:
        raise refused("BAD_REQUEST", f"the body is not valid {encoding}")
    if len(plain) > most:
        raise refused("BAD_REQUEST", f"the body is over {most} bytes", 413)
    return plain


def encoded(content: bytes, accepted: str) -> tuple[bytes, str | None]:
    """A response's body as the client likes to have it, and the encoding that this is; None as it is."""
    if len(content) < SMALLEST_BYTES or not accepted:
        return content, None
    weights = weighed(accepted)
    likings = {name: weights.get(name, weights.get("*", 0.0)) for name in WRITERS}
    best = max(likings, key=lambda name: likings[name])
    return (WRITERS[best](content), best) if likings[best] > 0 else (content, None)


def cache_headers(content: bytes) -> dict[str, str]:
    """The headers of a response that a client may keep. The tag is weak: compressed or not, it is the same response.

    Source: RFC 9110, 8.8.3; RFC 9111, 5.2.2.
    """
    tag = hashlib.blake2b(content, digest_size=TAG_BYTES).hexdigest()
    return {"cache-control": f"private, max-age={MAX_AGE_SECONDS}", "etag": f'W/"{tag}"'}


def is_current(etag: str, if_none_match: str) -> bool:
    """Whether the client already has the response with this tag. Source: RFC 9110, 13.1.2."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
