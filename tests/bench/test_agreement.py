"""Tests which answers of two servers bench/agreement.py treats as equal. Only the order of keys may differ."""

import pytest

from bench.agreement import Disagreement, canonical, compare

ANSWER = b'{"data": {"verification": {"id": "a", "reasons": [{"code": "X", "type": "T"}]}}}'


def test_the_order_of_keys_makes_no_difference() -> None:
    other = b'{"data":{"verification":{"reasons":[{"type":"T","code":"X"}],"id":"a"}}}'

    compare("another", [other], [ANSWER])


@pytest.mark.parametrize(
    "other",
    [
        ANSWER.replace(b'"a"', b'"b"'),
        ANSWER.replace(b'{"code": "X", "type": "T"}', b'{"code": "X"}'),
        ANSWER.replace(b'"X"', b"null"),
        b'{"data": {"verification": null}}',
    ],
)
def test_any_other_difference_is_a_disagreement(other: bytes) -> None:
    with pytest.raises(Disagreement, match="another answers"):
        compare("another", [other], [ANSWER])


def test_instants_are_compared_as_text() -> None:
    with pytest.raises(Disagreement):
        compare("another", [b'{"data": {"at": "2026-03-02T12:00:00Z"}}'], [b'{"data": {"at": "2026-03-02T12:00:00+00:00"}}'])


@pytest.mark.parametrize("answer", [b'{"errors": [{"message": "no"}], "data": {"a": 1}}', b'{"data": null}', b"[]", b'{"errors": []}'])
def test_an_error_is_a_disagreement_even_if_all_servers_return_it(answer: bytes) -> None:
    with pytest.raises(Disagreement, match="no answer"):
        canonical(answer)


def test_a_missing_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        compare("another", [], [ANSWER])
