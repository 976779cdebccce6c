"""Tests the enums that have a description for each member."""

from domain.described import Described


class Colour(Described):
    RED = "red", "Like a tomato."
    GREEN = "green", "Like grass."


def test_a_member_has_its_stored_value_and_its_description() -> None:
    assert [(member.value, member.meaning) for member in Colour] == [("red", "Like a tomato."), ("green", "Like grass.")]
