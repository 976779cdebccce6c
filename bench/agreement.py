"""Whether all servers give the same answers. Nothing is timed before they do."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import orjson

from bench.load import Request
from bench.machinery import Served


class Disagreement(Exception):
    """A server answers otherwise than the first one."""


def canonical(answer: bytes) -> bytes:
    """The data of an answer with its keys in order, and nothing else changed. Raises: Disagreement where there are errors, or no data."""
    told = orjson.loads(answer)
    if not isinstance(told, dict) or told.get("data") is None or told.get("errors"):
        raise Disagreement(f"no answer: {answer[:400]!r}")
    return orjson.dumps(told["data"], option=orjson.OPT_SORT_KEYS)


def agreed(name: str, answers: Iterable[bytes], expected: Iterable[bytes]) -> None:
    """Compare a server's answers with those expected. Raises: Disagreement."""
    for mine, theirs in zip(answers, expected, strict=True):
        if canonical(mine) != canonical(theirs):
            raise Disagreement(f"{name} answers {canonical(mine)[:600]!r}, and not {canonical(theirs)[:600]!r}")


def asked(target: Served, requests: Iterable[Request]) -> list[bytes]:
    """The answers to requests, one after the other. Raises: Disagreement where one has no success."""
    with connected(target) as connection:
        return [answered(connection, target, request) for request in requests]


@contextmanager
def connected(target: Served) -> Iterator[HTTPConnection]:
    """A connection that is kept from one request to the next."""
    connection = HTTPConnection(urlsplit(target.url).netloc, timeout=60)
    try:
        yield connection
    finally:
        connection.close()


def answered(connection: HTTPConnection, target: Served, request: Request) -> bytes:
    """The answer to a request. Raises: Disagreement where it has no success."""
    try:
        connection.request(request.method, request.path, request.body or None, target.headers)
        response = connection.getresponse()
        content = response.read()
    except HTTPException as error:
        raise Disagreement(f"{target.url} doesn't answer: {error!r}") from error
    if response.status != 200:
        raise Disagreement(f"{target.url} answers {response.status}: {content[:400]!r}")
    return content
