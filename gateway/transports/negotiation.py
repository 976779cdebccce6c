"""Content negotiation: media types, compression, and cache validation."""

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


# Only this many characters of an `Accept` header are parsed. No real client sends more.
MAX_CHARACTERS = 1000


def weighed(header: str) -> dict[str, float]:
    """The items of a header such as `Accept`, each with its weight, from 0 to 1."""
    weights: dict[str, float] = {}
    for item in header[:MAX_CHARACTERS].split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weights[name] = quality(parameters)
    return weights


@lru_cache(256)
def accepted_media(accept: str) -> tuple[str | None, bool]:
    """The JSON media type that an `Accept` header prefers, None if it accepts none; and whether it accepts an event stream."""
    weights = weighed(accept)
    return preferred(weights), weights.get(EVENT_STREAM, 0.0) > 0


def preferred(weights: dict[str, float]) -> str | None:
    """The JSON media type with the highest weight; None if the client accepts none. The newer one is only sent to clients that name it."""
    json_weights = {media: weights.get(media, weights.get("application/*", weights.get("*/*", 0.0))) for media in (JSON, RESPONSE_JSON)}
    best = max(json_weights, key=lambda media: (json_weights[media], media in weights and media == RESPONSE_JSON))
    return best if json_weights[best] > 0 else None


def quality(parameters: Iterable[str]) -> float:
    """The weight in the parameters of an item, from 0 to 1. Source: RFC 9110, 12.4.2."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


# Short, because the next release of the gateway may have another catalogue.
MAX_AGE_SECONDS = 300
TAG_BYTES = 16
# A response that fits into one network packet gains nothing from compression.
MIN_COMPRESSED_BYTES = 1400
GZIP_LEVEL = 5
BROTLI_QUALITY = 4
# zlib's number for data with a gzip header and trailer.
GZIP_WINDOW = zlib.MAX_WBITS | 16


def gunzipped(content: bytes, max_bytes: int) -> bytes | None:
    """The content without its gzip compression, cut after `max_bytes` + 1 bytes; None if the end is missing. Raises: zlib.error."""
    reader = zlib.decompressobj(GZIP_WINDOW)
    plain = reader.decompress(content, max_bytes + 1)
    return plain if reader.eof or len(plain) > max_bytes else None


def unbrotlied(content: bytes, max_bytes: int) -> bytes | None:
    """The content without its Brotli compression, cut after more than `max_bytes` bytes; None if the end is missing. Raises: brotli.error."""
    reader = brotli.Decompressor()
    plain = reader.process(content, output_buffer_limit=max_bytes + 1)
    while len(plain) <= max_bytes and not reader.is_finished():
        more = reader.process(b"", output_buffer_limit=max_bytes + 1)
        if not more:
            return None
        plain += more
    return plain


READERS: dict[str, Callable[[bytes, int], bytes | None]] = {"gzip": gunzipped, "x-gzip": gunzipped, "br": unbrotlied}
WRITERS: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda content: brotli.compress(content, mode=brotli.MODE_TEXT, quality=BROTLI_QUALITY),
    "gzip": lambda content: gzip.compress(content, GZIP_LEVEL, mtime=0),
}


def decoded(content: bytes | bytearray, encoding: str, max_bytes: int) -> bytes | bytearray:
    """The decompressed body of a request. Raises: RequestRefused."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return content
    if encoding not in READERS:
        unsupported = error("BAD_REQUEST", f"a body can be compressed with {' or '.join(WRITERS)}, once")
        raise RequestRefused(415, [unsupported], {"accept-encoding": ", ".join(WRITERS)})
    try:
        plain: bytes | None = READERS[encoding](bytes(content), max_bytes)
    except (zlib.error, brotli.error):
        plain = None
    if plain is None:
        raise refused("BAD_REQUEST", f"the body is not valid {encoding}")
    if len(plain) > max_bytes:
        raise refused("BAD_REQUEST", f"the body is over {max_bytes} bytes", 413)
    return plain


def encoded(content: bytes, accepted: str) -> tuple[bytes, str | None]:
    """The body of a response in the encoding that the client prefers, and that encoding; None if the body is not compressed."""
    if len(content) < MIN_COMPRESSED_BYTES or not accepted:
        return content, None
    weights = weighed(accepted)
    encoding_weights = {name: weights.get(name, weights.get("*", 0.0)) for name in WRITERS}
    best = max(encoding_weights, key=lambda name: encoding_weights[name])
    return (WRITERS[best](content), best) if encoding_weights[best] > 0 else (content, None)


def cache_headers(content: bytes) -> dict[str, str]:
    """The headers of a response that a client may cache. The tag is weak, because the compressed and the plain response share it.

    Source: RFC 9110, 8.8.3; RFC 9111, 5.2.2.
    """
    tag = hashlib.blake2b(content, digest_size=TAG_BYTES).hexdigest()
    return {"cache-control": f"private, max-age={MAX_AGE_SECONDS}", "etag": f'W/"{tag}"'}


def is_current(etag: str, if_none_match: str) -> bool:
    """Whether the client already has the response with this tag. Source: RFC 9110, 13.1.2."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
