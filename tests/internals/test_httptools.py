"""Tests in which order the parser of httptools calls its callbacks, how it treats upgrades, and what it refuses. See `docs/libraries.md`."""

import pytest
from httptools import HttpParserError, HttpParserInvalidURLError, HttpParserUpgrade, HttpRequestParser, parse_url

from tests.internals.connections import CHUNKED, GET, UPLOAD, Callbacks, parser

OFFER = b"POST /graphql HTTP/1.1\r\nhost: gateway\r\ncontent-length: 2\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"


def test_httptools_calls_back_in_the_order_of_the_bytes() -> None:
    callbacks = Callbacks()

    parser(callbacks).feed_data(UPLOAD + b"ab")

    assert callbacks.calls == [
        ("on_message_begin",),
        ("on_url", b"/graphql"),
        ("on_header", b"host", b"gateway"),
        ("on_header", b"content-length", b"2"),
        ("on_headers_complete",),
        ("on_body", b"ab"),
        ("on_message_complete",),
    ]


def test_httptools_reports_a_header_when_the_next_one_begins_before_the_head_is_complete() -> None:
    callbacks = Callbacks()

    parser(callbacks).feed_data(UPLOAD[:-2] + b"x")

    assert callbacks.calls[-2:] == [("on_header", b"host", b"gateway"), ("on_header", b"content-length", b"2")]


def test_httptools_parses_the_path_of_a_target_or_raises_its_own_error() -> None:
    assert parse_url(b"/graphql?query=x").path == b"/graphql"
    for target in (b"", b"no target"):
        with pytest.raises(HttpParserInvalidURLError):
            parse_url(target)


def test_httptools_reports_where_the_head_with_an_upgrade_ends() -> None:
    with pytest.raises(HttpParserUpgrade) as upgrade:
        parser(Callbacks()).feed_data(memoryview(OFFER + b"ab"))

    assert upgrade.value.args == (len(OFFER),)


def test_httptools_completes_a_message_before_it_reports_the_upgrade() -> None:
    callbacks = Callbacks()

    with pytest.raises(HttpParserUpgrade):
        parser(callbacks).feed_data(OFFER + b"ab")

    assert callbacks.names[-2:] == ["on_headers_complete", "on_message_complete"]


def test_httptools_reads_nothing_more_after_an_upgrade_of_a_connection_that_closes() -> None:
    callbacks = Callbacks()
    reader = parser(callbacks)
    with pytest.raises(HttpParserUpgrade):
        reader.feed_data(OFFER.replace(b"connection: upgrade", b"connection: upgrade, close"))
    count = len(callbacks.calls)

    reader.feed_data(b"ab")

    assert len(callbacks.calls) == count


def test_httptools_sees_no_upgrade_without_an_upgrade_header() -> None:
    callbacks = Callbacks()
    reader = parser(callbacks)

    reader.feed_data(OFFER.replace(b"upgrade: h2c\r\n", b"") + b"ab")

    assert not reader.should_upgrade()
    assert ("on_body", b"ab") in callbacks.calls


def test_httptools_treats_connect_as_an_upgrade() -> None:
    with pytest.raises(HttpParserUpgrade):
        parser(Callbacks()).feed_data(b"CONNECT gateway:443 HTTP/1.1\r\nhost: gateway\r\n\r\n")


def test_httptools_has_method_and_version_when_the_head_is_complete() -> None:
    class Head(Callbacks):
        def on_headers_complete(self) -> None:
            seen.append((reader.get_method(), reader.get_http_version(), reader.should_keep_alive()))

    seen: list[tuple[bytes, str, bool]] = []
    reader = parser(Head())

    reader.feed_data(GET)

    assert seen == [(b"GET", "1.1", True)]


def test_httptools_reports_trailers_as_headers_after_the_body() -> None:
    callbacks = Callbacks()

    parser(callbacks).feed_data(CHUNKED)

    names = [name for name in callbacks.names if not name.startswith("on_chunk")]
    assert names[-4:] == ["on_headers_complete", "on_body", "on_header", "on_message_complete"]


def test_httptools_turns_an_exception_of_a_callback_into_its_own_error() -> None:
    class Refusing(Callbacks):
        def on_headers_complete(self) -> None:
            raise ValueError

    with pytest.raises(HttpParserError):
        parser(Refusing()).feed_data(GET)


@pytest.mark.parametrize("lenient", [True, False])
def test_httptools_drops_data_after_close_only_with_the_leniency(lenient: bool) -> None:
    callbacks = Callbacks()
    reader = HttpRequestParser(callbacks)
    reader.set_dangerous_leniencies(lenient_data_after_close=lenient)
    closing = b"GET / HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n"

    if lenient:
        reader.feed_data(closing + GET)
    else:
        with pytest.raises(HttpParserError):
            reader.feed_data(closing + GET)

    assert callbacks.names.count("on_message_begin") == 1


@pytest.mark.parametrize(
    "header",
    [
        b"content-length: x",
        b"content-length: -1",
        b"content-length: 1\r\ncontent-length: 1",
        b"content-length: 1\r\ntransfer-encoding: chunked",
        b"transfer-encoding: chunked\r\ncontent-length: 1",
        b"transfer-encoding: chunked, gzip",
        b"a b: c",
        b"a: \0",
    ],
)
def test_httptools_refuses_a_head_whose_end_is_ambiguous(header: bytes) -> None:
    with pytest.raises(HttpParserError):
        parser(Callbacks()).feed_data(b"POST / HTTP/1.1\r\nhost: gateway\r\n" + header + b"\r\n\r\n")
