"""Compares the servers' answers. Nothing is timed before all servers agree."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import orjson

from bench.load import Request
from bench.machinery import Served


class Disagreement(Exception):
    """A server's answer is an error, or differs from the first server's."""


def canonical(answer: bytes) -> bytes:
    """The data of an answer with sorted keys and no other change. Raises: Disagreement if there are errors or no data."""
    response = orjson.loads(answer)
    if not isinstance(response, dict) or response.get("data") is None or response.get("errors"):
        raise Disagreement(f"no answer: {answer[:400]!r}")
    return orjson.dumps(response["data"], option=orjson.OPT_SORT_KEYS)


def compare(name: str, answers: Iterable[bytes], expected: Iterable[bytes]) -> None:
    """Compare a server's answers with those expected. Raises: Disagreement."""
    for mine, theirs in zip(answers, expected, strict=True):
        if canonical(mine) != canonical(theirs):
            raise Disagreement(f"{name} answers {canonical(mine)[:600]!r}, and not {canonical(theirs)[:600]!r}")


def answers_to(target: Served, requests: Iterable[Request]) -> list[bytes]:
    """The answers to requests, sent one after the other. Raises: Disagreement if a request fails."""
    with connected(target) as connection:
        return [answer_to(connection, target, request) for request in requests]


@contextmanager
def connected(target: Served) -> Iterator[HTTPConnection]:
    """A connection that stays open between requests."""
    connection = HTTPConnection(urlsplit(target.url).netloc, timeout=60)
    try:
        yield connection
    finally:
        connection.close()


def answer_to(connection: HTTPConnection, target: Served, request: Request) -> bytes:
    """The answer to a request. Raises: Disagreement if the request fails."""
    try:
        connection.request(request.method, request.path, request.body or None, target.headers)
        response = connection.getresponse()
        content = response.read()
    except HTTPException as error:
        raise Disagreement(f"{target.url} doesn't answer: {error!r}") from error
    if response.status != 200:
        raise Disagreement(f"{target.url} answers {response.status}: {content[:400]!r}")
    return content
