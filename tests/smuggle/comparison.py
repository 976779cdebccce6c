"""Compares a proxy's log with the gateway's records, to find out whether both saw the same requests. Contains only pure functions."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.smuggle.proxies import Entry
from tests.smuggle.streams import MARKER

# The statuses with which the gateway refuses a request with a bad head or body. A request with a bad body may have been recorded as parsed before its
# body arrived, so `compared` counts these requests as not answered: they may be among the gateway's records or not.
REFUSALS = (400, 431)


@dataclass(slots=True)
class Comparison:
    """How many requests a proxy and its gateway saw, and their disagreements, each as the marker of a request and an explanation."""

    forwarded: int = 0
    refused_by_proxy: int = 0
    parsed: int = 0
    refused_by_gateway: int = 0
    disagreements: list[tuple[bytes, str]] = field(default_factory=list)


def marker(text: bytes) -> bytes:
    """The first marker of a request (see `MARKER` in streams.py) in a text; an empty text if there is none."""
    found = MARKER.search(text)
    return found[0] if found else b""


def compared(entries: Iterable[Entry], records: Iterable[bytes]) -> Comparison:
    """Compare the log of a proxy with the records of the gateway behind it.

    Each request that the proxy forwarded and the gateway answered must be among the parsed requests. The gateway must not have parsed a request that
    the proxy did not forward. If a response has a request id, the id must be that of the request that the proxy answered with this response. A
    request that was forwarded but not answered, because the client left or the body was bad, may have been parsed or not.
    """
    result = Comparison()
    parsed: Counter[bytes] = Counter()
    for record in records:
        if record.startswith(b"parsed "):
            parsed[marker(record)] += 1
        else:
            result.refused_by_gateway += 1
    result.parsed = parsed.total()
    forwarded: Counter[bytes] = Counter()
    answered: Counter[bytes] = Counter()
    for entry in entries:
        if not entry.forwarded:
            result.refused_by_proxy += 1
            continue
        name = marker(entry.target)
        forwarded[name] += 1
        answered[name] += entry.status is not None and entry.status not in REFUSALS
        if (other := marker(entry.id)) not in (b"", name):
            result.disagreements.append((name, f"was answered with the response to {other.decode()}"))
            result.disagreements.append((other, f"answered {name.decode()}"))
    result.forwarded = forwarded.total()
    for name in sorted({*parsed, *forwarded}):
        if not answered[name] <= parsed[name] <= forwarded[name]:
            figures = f"{forwarded[name]} forwarded, {answered[name]} answered, {parsed[name]} parsed"
            result.disagreements.append((name, figures + (", from inside a body" if name[-2:-1] == b"b" else "")))
    return result


def by_stream(disagreements: Iterable[tuple[bytes, str]]) -> dict[int, list[str]]:
    """Groups disagreements by the index of their stream. The index is -1 if a disagreement has no marker."""
    streams: dict[int, list[str]] = defaultdict(list)
    for name, what in disagreements:
        streams[int(name[1:-2]) if name else -1].append(f"{name.decode()}: {what}")
    return dict(streams)
