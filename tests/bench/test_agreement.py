"""Whether two servers give the same answer."""

import pytest

from bench.agreement import Disagreement, agreed, canonical

ANSWER = b'{"data": {"verification": {"id": "a", "reasons": [{"code": "X", "type": "T"}]}}}'


def test_the_order_of_keys_makes_no_difference() -> None:
    other = b'{"data":{"verification":{"reasons":[{"type":"T","code":"X"}],"id":"a"}}}'

    agreed("another", [other], [ANSWER])


@pytest.mark.parametrize(
    "other",
    [
        ANSWER.replace(b'"a"', b'"b"'),
        ANSWER.replace(b'{"code": "X", "type": "T"}', b'{"code": "X"}'),
        ANSWER.replace(b'"X"', b"null"),
        b'{"data": {"verification": null}}',
    ],
)
def test_anything_else_does(other: bytes) -> None:
    with pytest.raises(Disagreement, match="another answers"):
        agreed("another", [other], [ANSWER])


def test_instants_are_compared_as_they_are_written() -> None:
    with pytest.raises(Disagreement):
        agreed("another", [b'{"data": {"at": "2026-03-02T12:00:00Z"}}'], [b'{"data": {"at": "2026-03-02T12:00:00+00:00"}}'])


@pytest.mark.parametrize("answer", [b'{"errors": [{"message": "no"}], "data": {"a": 1}}', b'{"data": null}', b"[]", b'{"errors": []}'])
def test_an_error_is_no_answer_even_where_all_agree_on_it(answer: bytes) -> None:
    with pytest.raises(Disagreement, match="no answer"):
        canonical(answer)


def test_a_server_that_gives_fewer_answers_does_not_agree() -> None:
    with pytest.raises(ValueError, match="longer"):
        agreed("another", [], [ANSWER])
