"""Bodies that are compressed on their way: gzip and Brotli, both ways.

Source: RFC 9110, 8.4 and 12.5.3; RFC 7932.
"""

import gzip
import zlib
from collections.abc import Callable

import brotli

from gateway.errors import RequestRefused, error, refused
from gateway.transports.negotiation import weighed

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
