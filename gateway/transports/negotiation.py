"""Content negotiation: media types, compression, and the validation of responses that clients have cached."""

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


# Only this many characters of a header such as `Accept` are parsed. No real client sends more.
MAX_HEADER_CHARACTERS = 1000


def weighed(header: str) -> dict[str, float]:
    """Parses a header such as `Accept`. The keys of the result are the items of the header, the values are their weights (see `quality`)."""
    weights: dict[str, float] = {}
    for item in header[:MAX_HEADER_CHARACTERS].split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        if name:
            weights[name] = quality(parameters)
    return weights


@lru_cache(256)
def accepted_media(accept: str) -> tuple[str | None, bool]:
    """What an `Accept` header accepts: the preferred JSON media type, None if it accepts no JSON; and whether it accepts an event stream.

    An empty header, or none, means `*/*`. A header `*/*` accepts only JSON: clients that can read event streams name them.
    """
    weights = weighed(accept) or {"*/*": 1.0}
    return preferred(weights), weights.get(EVENT_STREAM, 0.0) > 0


def preferred(weights: dict[str, float]) -> str | None:
    """The JSON media type with the highest weight; None if the client accepts no JSON.

    Between equal weights, `application/graphql-response+json` is chosen only if the client names it, because older clients do not understand it.
    """
    json_weights = {media: weights.get(media, weights.get("application/*", weights.get("*/*", 0.0))) for media in (JSON, RESPONSE_JSON)}
    best = max(json_weights, key=lambda media: (json_weights[media], media in weights and media == RESPONSE_JSON))
    return best if json_weights[best] > 0 else None


def quality(parameters: Iterable[str]) -> float:
    """The weight of one item of a header; 1 if the item has no weight, 0 if the weight is not a number. Clients send weights from 0 to 1.

    `parameters`: the item's parameters, such as `q=0.5`.
    Source: RFC 9110, 12.4.2.
    """
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


# The names of UTF-8. Only the first one is registered, but some clients send the second.
CHARSETS = frozenset({"utf-8", "utf8"})


@lru_cache(256)
def is_json(content_type: str) -> bool:
    """Whether a `Content-Type` header names JSON in UTF-8. Other parameters than `charset` are ignored."""
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    named = [value.strip().strip('"') for name, _, value in (parameter.partition("=") for parameter in parameters) if name.strip() == "charset"]
    return media == JSON and CHARSETS.issuperset(named)


# How long clients may cache the catalogue of reason codes and statuses. The time is short, because the next release may have another catalogue.
MAX_AGE_SECONDS = 300
TAG_BYTES = 16
# Shorter responses are not compressed: a response that fits into one network packet arrives no sooner if it is compressed.
MIN_COMPRESSED_BYTES = 1400
GZIP_LEVEL = 5
BROTLI_QUALITY = 4
# A value for zlib's parameter `wbits`: with it, zlib reads data in the format of gzip.
GZIP_WINDOW = zlib.MAX_WBITS | 16
# How many members (complete gzip files, one after the other) a body in gzip may have. Parallel compressors write a member for each block. Reading a
# member takes some microseconds, even if it is empty.
MAX_GZIP_MEMBERS = 32


def gunzipped(content: bytes, max_bytes: int) -> bytes | None:
    """Decompresses gzip: the members of the content, one after the other.

    Returns more than `max_bytes` bytes if the content is too long; None if the end of a member is missing, or if there are too many members.
    Raises: zlib.error, also if something other than a member follows a member.
    Source: RFC 1952, 2.2.
    """
    plain = b""
    for _ in range(MAX_GZIP_MEMBERS):
        reader = zlib.decompressobj(GZIP_WINDOW)
        plain += reader.decompress(content, max_bytes + 1 - len(plain))
        if len(plain) > max_bytes:
            return plain
        if not reader.eof:
            return None
        content = reader.unused_data
        if not content:
            return plain
    return None


def unbrotlied(content: bytes, max_bytes: int) -> bytes | None:
    """Decompresses Brotli. The result is None if the end of the content is missing. Raises: brotli.error.

    Decompression stops as soon as the result is longer than `max_bytes`. Such a result shows that the content is too long.
    """
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
    """The decompressed body of a request. `encoding`: the value of its header `Content-Encoding`, a list of the encodings that were applied.

    Raises: RequestRefused if the encoding is not supported, the content is not valid, or the result is longer than `max_bytes`.
    """
    if not encoding:
        return content
    encoding = ", ".join(name for part in encoding.split(",") if (name := part.strip().lower()) not in ("", "identity"))
    if not encoding:
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
    """Compresses the body of a response as the client prefers. `accepted`: the value of the request's header `Accept-Encoding`.

    Returns the body and the name of its encoding, which is None if the body is not compressed.
    """
    if len(content) < MIN_COMPRESSED_BYTES or not accepted:
        return content, None
    weights = weighed(accepted)
    encoding_weights = {name: weights.get(name, weights.get("*", 0.0)) for name in WRITERS}
    best = max(encoding_weights, key=lambda name: encoding_weights[name])
    return (WRITERS[best](content), best) if encoding_weights[best] > 0 else (content, None)


def cache_headers(content: bytes) -> dict[str, str]:
    """The headers of a response that a client may cache. The entity tag is weak, because the compressed and the plain response have the same tag.

    Source: RFC 9110, 8.8.3; RFC 9111, 5.2.2.
    """
    tag = hashlib.blake2b(content, digest_size=TAG_BYTES).hexdigest()
    return {"cache-control": f"private, max-age={MAX_AGE_SECONDS}", "etag": f'W/"{tag}"'}


def is_current(etag: str, if_none_match: str) -> bool:
    """Whether the client has already cached the response with the tag `etag`. `if_none_match`: the value of the header `If-None-Match`.

    Source: RFC 9110, 13.1.2.
    """
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
