"""Tests the validation of declared names."""

import pytest

from domain.errors import InvalidInput
from domain.identity import DeclaredIdentity


def test_names_are_trimmed_and_normalized() -> None:
    assert DeclaredIdentity.declared(" Jeanne", "Moreau\u3000") == DeclaredIdentity(first_name="Jeanne", last_name="Moreau")


def test_letters_with_marks_are_composed() -> None:
    assert DeclaredIdentity.declared("Ame\u0301lie", "Nguye\u0302\u0303n") == DeclaredIdentity("Amélie", "Nguyễn")


@pytest.mark.parametrize("name", ["", " ", "a" * 256, "a\x00"])
def test_the_refusal_of_an_invalid_name_names_its_field(name: str) -> None:
    with pytest.raises(InvalidInput) as first:
        DeclaredIdentity.declared(name, "Moreau")
    with pytest.raises(InvalidInput) as last:
        DeclaredIdentity.declared("Jeanne", name)

    assert (first.value.field, last.value.field) == ("firstName", "lastName")
