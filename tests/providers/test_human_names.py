import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from providers.human_names import CHARACTERS, human_name


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("Jeanne", "Jeanne"),
        ("  Jeanne ", "Jeanne"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("O\u2019Neill", "O'Neill"),
        ("Anne-Marie (dite Nina)", "Anne-Marie (dite Nina)"),
        ("\u0218tefan", "\u0218tefan"),
        ("\u0141ukasz", "\u0141ukasz"),
    ],
)
def test_a_name_is_sent_in_the_spelling_that_the_provider_accepts(name: str, spelled: str) -> None:
    assert human_name("firstName", name) == spelled


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("\u0411\u043e\u0440\u0438\u0441", "U+0411"),
        ("\u5f20", "U+5F20"),
        ("J\u00f3n \u00de\u00f3r", "U+00DE"),
        ("a\u00d7b", "U+00D7"),
        ("a.b", "U+002E"),
    ],
)
def test_a_name_that_the_provider_does_not_accept_is_refused_with_its_field_and_its_characters(name: str, refused: str) -> None:
    with pytest.raises(InvalidInput, match=f"U\\+{refused[2:]}") as error:
        human_name("lastName", name)

    assert error.value.field == "lastName"
    assert name not in str(error.value)


@given(st.text(min_size=1))
def test_a_name_is_either_refused_or_consists_of_accepted_characters(name: str) -> None:
    try:
        spelled = human_name("firstName", name)
    except InvalidInput:
        return

    assert spelled
    assert set(spelled) <= CHARACTERS
    assert spelled == spelled.strip()
