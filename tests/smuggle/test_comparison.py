"""Tests of the comparison of a proxy's log with the gateway's records, with correct and with faulty records."""

from tests.smuggle.comparison import by_stream, compared
from tests.smuggle.proxies import Entry

FIRST, SECOND, INNER = b"s0000001r0", b"s0000002r0", b"s0000001b0"


def entry(marker: bytes, status: int | None = 200, id: bytes | None = None) -> Entry:
    """The entry in a proxy's log for a request that the proxy forwarded. By default, the response has the id of the request."""
    return Entry(b"/livez?" + marker, True, status, marker if id is None else id)


def parsed(*markers: bytes) -> list[bytes]:
    """The records of a gateway that has parsed the requests with these markers."""
    return [b"parsed /livez?" + marker for marker in markers]


def test_requests_that_both_saw_are_no_disagreement() -> None:
    result = compared([entry(FIRST), entry(SECOND), Entry(b"/?" + INNER, False, None, b"-")], parsed(FIRST, SECOND))

    assert (result.forwarded, result.refused_by_proxy, result.parsed, result.disagreements) == (2, 1, 2, [])


def test_a_request_that_the_gateway_refuses_is_no_disagreement() -> None:
    result = compared([entry(FIRST, 400, b"-")], [b"refused syntax"])

    assert (result.refused_by_gateway, result.disagreements) == (1, [])


def test_a_request_without_a_response_may_have_been_parsed_or_not() -> None:
    assert not compared([entry(FIRST, None, b"-"), entry(SECOND, None, b"-")], parsed(FIRST)).disagreements


def test_a_parsed_request_from_inside_a_body_is_a_disagreement() -> None:
    [(marker, what)] = compared([entry(FIRST)], parsed(FIRST, INNER)).disagreements

    assert marker == INNER
    assert what == "0 forwarded, 0 answered, 1 parsed, from inside a body"


def test_a_request_that_is_parsed_twice_or_never_is_a_disagreement() -> None:
    result = compared([entry(FIRST), entry(SECOND), entry(b"s0000003r0", 408, b"-")], parsed(FIRST, FIRST))

    assert set(by_stream(result.disagreements)) == {1, 2, 3}


def test_a_response_to_another_request_is_a_disagreement_for_both_requests() -> None:
    result = compared([entry(FIRST), entry(SECOND, id=FIRST)], parsed(FIRST, SECOND))

    assert by_stream(result.disagreements) == {
        1: ["s0000001r0: answered s0000002r0"],
        2: ["s0000002r0: was answered with the response to s0000001r0"],
    }
