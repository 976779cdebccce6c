"""Tests the validation of strings that clients and providers send."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.text import day, origin, short, web_address


def answer_to(check: Callable[[str, str], str], text: str) -> str | InvalidInput:
    try:
        return check("field", text)
    except InvalidInput as refusal:
        return refusal


def refusal_of(check: Callable[[str, str], str], text: str) -> str:
    with pytest.raises(InvalidInput) as refusal:
        check("field", text)
    assert refusal.value.field == "field"
    return str(refusal.value)


@pytest.mark.parametrize("text", ["", " ", "   ", "\t", "\n", "\u00a0", "\u3000 ", "\u200d"])
def test_a_blank_text_is_refused(text: str) -> None:
    assert refusal_of(short, text) == "field must not be blank"


@pytest.mark.parametrize("letter", ["a", "é", "\U00020000"])
def test_a_text_has_at_most_255_characters(letter: str) -> None:
    assert short("field", letter * 255) == letter * 255
    assert refusal_of(short, letter * 256) == "field has 256 characters; at most 255 are accepted"


@pytest.mark.parametrize("character", ["\x00", "\n", "\r", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\u200b", "\ud800"])
def test_a_control_character_is_refused(character: str) -> None:
    assert refusal_of(short, f"Jeanne{character}Moreau") == "field holds a control character"


@pytest.mark.parametrize(
    "name",
    [
        "Jeanne",
        "O'Brien",
        "Anne-Sophie",
        "D’Arc",
        "Nguyễn",
        "e\u0301",
        "山田\u3000太郎",
        "Jean\u00a0Paul",
        "Jean\u202fPaul",
        "\u0915\u094d\u200d\u0937",
        "\u0645\u06cc\u200c\u062e\u0648",
        " Jeanne ",
        "李",
    ],
)
def test_a_name_is_kept_unchanged(name: str) -> None:
    assert short("field", name) == name


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/welcome?order=1#top",
        "http://localhost:3000",
        "HTTPS://SHOP.EXAMPLE",
        "https://[::1]:8443/",
        "https://shop.example/caf%C3%A9",
        "https://bücher.example/",
    ],
)
def test_an_absolute_http_or_https_url_is_accepted(url: str) -> None:
    assert web_address("field", url) == url


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="nothing"),
        pytest.param("   ", id="blank"),
        pytest.param("welcome", id="no scheme"),
        pytest.param("/welcome", id="a path"),
        pytest.param("//shop.example/welcome", id="relative to the scheme"),
        pytest.param("shop.example:443/welcome", id="a host as scheme"),
        pytest.param("javascript:alert(1)", id="a script"),
        pytest.param("javascript://shop.example/%0aalert(1)", id="a script with a host"),
        pytest.param("JavaScript:alert(1)", id="a script in capitals"),
        pytest.param("java\nscript:alert(1)", id="a script over two lines"),
        pytest.param("data:text/html,hello", id="data"),
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("ftp://shop.example/", id="another scheme"),
        pytest.param("https:", id="a scheme alone"),
        pytest.param("https://", id="no host"),
        pytest.param("https:///welcome", id="a path for a host"),
        pytest.param("https://?order=1", id="a query for a host"),
        pytest.param("https://#top", id="a fragment for a host"),
        pytest.param("https://@/welcome", id="a user for a host"),
        pytest.param("https://:443/welcome", id="a port for a host"),
        pytest.param("https:\\\\shop.example", id="backslashes"),
        pytest.param("https://shop.example\\@evil.example", id="a backslash inside"),
        pytest.param("https://shop.example/wel come", id="a space"),
        pytest.param("https://shop.example/welcome ", id="a space at the end"),
        pytest.param(" https://shop.example/welcome", id="a space at the start"),
        pytest.param("https://shop.example/wel\u00a0come", id="a space that doesn't break"),
        pytest.param("https://shop.example/wel\ncome", id="a line break"),
        pytest.param("https://shop.example/\x00", id="a null"),
        pytest.param("https://shop.example/\ud800", id="half a character"),
        pytest.param("https://[::1", id="an open bracket"),
        pytest.param("https://::1]/", id="a closed bracket"),
        pytest.param("https://[1::2::3]/", id="no IPv6 address"),
        pytest.param("https://shop.example:0/", id="port 0"),
        pytest.param("https://shop.example:65536/", id="a port too high"),
        pytest.param("https://shop.example:http/", id="a port that is a word"),
        pytest.param("https://shop.example\u2100/", id="a slash in disguise"),
    ],
)
def test_a_url_that_a_browser_cannot_be_sent_to_is_refused(url: str) -> None:
    assert refusal_of(web_address, url) == "field must be an absolute http or https URL"


def test_a_url_has_at_most_2000_characters() -> None:
    longest = "https://shop.example/".ljust(2000, "a")

    assert web_address("field", longest) == longest
    assert refusal_of(web_address, longest + "a") == "field has 2001 characters; at most 2000 are accepted"


@pytest.mark.parametrize("text", ["1990-01-23", "2024-02-29", "0001-01-01"])
def test_a_calendar_day_is_accepted(text: str) -> None:
    assert day("field", text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1990",
        "1990-1-23",
        "19900123",
        "1990-W04-2",
        "2023-02-29",
        "1990-13-01",
        "0000-01-01",
        "23/01/1990",
        "1990-01-23T00:00",
        "\ud800",
    ],
)
def test_a_text_that_is_not_a_day_is_refused(text: str) -> None:
    assert refusal_of(day, text) == "field must be a day as YYYY-MM-DD"


@pytest.mark.parametrize("check", [short, web_address, day])
@given(text=st.text(st.characters()) | st.text("htps:/?#@[]0189ab.-% ").map("http://".__add__))
def test_any_text_is_kept_unchanged_or_refused_with_a_message_that_can_be_sent(check: Callable[[str, str], str], text: str) -> None:
    answer = answer_to(check, text)

    assert answer == text or isinstance(answer, InvalidInput)
    assert str(answer).encode()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example/jeanne?order=7#moreau", "https://shop.example"),
        ("HTTP://jeanne:secret@shop.example:8443/path@home", "HTTP://shop.example:8443"),
        ("https://[2001:db8::1]:443?name=jeanne", "https://[2001:db8::1]:443"),
        ("https://shop.example", "https://shop.example"),
        ("not a URL of jeanne", ""),
    ],
)
def test_the_origin_of_a_url_has_no_user_path_query_or_fragment(url: str, expected: str) -> None:
    assert origin(url) == expected
