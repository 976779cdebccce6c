"""The comparison of a proxy's log with the gateway's records: whether both saw the same requests. Pure functions."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.smuggle.proxies import Entry
from tests.smuggle.streams import MARKER

# The gateway refuses a bad head or body with one of these, and without an id. Its records may or may not contain such a request.
REFUSALS = (400, 431)


@dataclass(slots=True)
class Comparison:
    """The figures of one proxy and its gateway, and the markers of the requests that they disagree about."""

    forwarded: int = 0
    refused_by_proxy: int = 0
    parsed: int = 0
    refused_by_gateway: int = 0
    disagreements: list[tuple[bytes, str]] = field(default_factory=list)


def marker(text: bytes) -> bytes:
    """The first marker in a text, or an empty text."""
    found = MARKER.search(text)
    return found[0] if found else b""


def compared(entries: Iterable[Entry], records: Iterable[bytes]) -> Comparison:
    """Compare the log of a proxy with the records of the gateway behind it.

    The gateway must have parsed each request that it answered for the proxy, and none that the proxy did not forward. Each response must have the id
    of its request. A request that was forwarded but not answered (the client left, or the body was bad) may have been parsed or not.
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
    """Disagreements by the index of their stream; -1 if there is no marker."""
    streams: dict[int, list[str]] = defaultdict(list)
    for name, what in disagreements:
        streams[int(name[1:-2]) if name else -1].append(f"{name.decode()}: {what}")
    return dict(streams)
