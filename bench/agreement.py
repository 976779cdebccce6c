"""Checks that all servers send the same answer to the same request. Only servers that agree are measured."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import orjson

from bench.load import Request
from bench.machinery import Served


class Disagreement(Exception):
    """A server's answer is an error, or differs from the answer of the first server."""


def canonical(answer: bytes) -> bytes:
    """The `data` of a GraphQL answer, encoded with sorted keys. Equal data have equal bytes. Raises: Disagreement if there are errors or no data."""
    response = orjson.loads(answer)
    if not isinstance(response, dict) or response.get("data") is None or response.get("errors"):
        raise Disagreement(f"no answer: {answer[:400]!r}")
    return orjson.dumps(response["data"], option=orjson.OPT_SORT_KEYS)


def compare(name: str, answers: Iterable[bytes], expected: Iterable[bytes]) -> None:
    """Compare the answers of a server with the expected answers. Raises: Disagreement if two of them differ."""
    for mine, theirs in zip(answers, expected, strict=True):
        if canonical(mine) != canonical(theirs):
            raise Disagreement(f"{name} answers {canonical(mine)[:600]!r}, and not {canonical(theirs)[:600]!r}")


def answers_to(target: Served, requests: Iterable[Request]) -> list[bytes]:
    """Send the requests to a server one after the other. Returns the answers. Raises: Disagreement if a request fails."""
    with connected(target) as connection:
        return [answer_to(connection, target, request) for request in requests]


@contextmanager
def connected(target: Served) -> Iterator[HTTPConnection]:
    """A connection to a server. It stays open between requests, until the end of the context."""
    connection = HTTPConnection(urlsplit(target.url).netloc, timeout=60)
    try:
        yield connection
    finally:
        connection.close()


def answer_to(connection: HTTPConnection, target: Served, request: Request) -> bytes:
    """Send a request. Returns the body of the response. Raises: Disagreement if the request fails."""
    try:
        connection.request(request.method, request.path, request.body or None, target.headers)
        response = connection.getresponse()
        content = response.read()
    except HTTPException as error:
        raise Disagreement(f"{target.url} doesn't answer: {error!r}") from error
    if response.status != 200:
        raise Disagreement(f"{target.url} answers {response.status}: {content[:400]!r}")
    return content
