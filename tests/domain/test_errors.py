"""Tests the messages of errors, which callers may see, and when two errors about unreadable values are equal."""

import pytest

from domain.errors import BadDocument, BadValue, InvalidInput, NotFound, NotRetryable, TooComplex, VersionAhead
from domain.status import Status

LONG = "x" * 1000


def test_the_message_of_an_invalid_input_begins_with_its_field() -> None:
    error = InvalidInput("firstName", "must not be blank")

    assert (str(error), error.field) == ("firstName must not be blank", "firstName")


def test_the_message_of_a_refused_retry_names_the_verification_and_its_status() -> None:
    assert str(NotRetryable("ver_1", Status.PENDING)).startswith("ver_1 is pending;")


def test_the_message_of_a_future_version_names_both_versions() -> None:
    assert str(VersionAhead("ver_1", after=9, version=3)).startswith("ver_1 is at version 3, not yet at 9;")


def test_the_message_of_a_response_that_is_too_large_names_the_limit() -> None:
    assert "more than 5000 attempts" in str(TooComplex(5000))


@pytest.mark.parametrize("error", [NotFound(LONG), BadDocument(LONG, "status")])
def test_a_message_quotes_at_most_64_characters_of_an_id(error: Exception) -> None:
    assert "x" * 64 in str(error)
    assert "x" * 65 not in str(error)


@pytest.mark.parametrize("id", [None, 7, ["secret"], {"$gt": "secret"}])
def test_a_message_shows_only_the_type_of_an_id_that_is_not_a_string(id: object) -> None:
    assert str(BadDocument(id, "status")) == f"status of <{type(id).__name__}> can't be read by this release"


def test_the_message_of_a_damaged_document_does_not_contain_the_cause() -> None:
    error = BadDocument("ver_1", "declared", cause="secret")

    assert "secret" not in str(error)
    assert error.cause == "secret"


def test_bad_values_are_equal_if_they_are_of_the_same_field_of_the_same_verification() -> None:
    first, same = BadValue("ver_1", "status", cause="a"), BadValue("ver_1", "status", cause="b")

    assert (first, hash(first)) == (same, hash(same))
    assert first not in (BadValue("ver_1", "version"), BadValue("ver_2", "status"), BadDocument("ver_1", "status"))
