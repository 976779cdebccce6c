"""Tests the validation of strings that clients and providers send."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.text import day, identifier, one_line, origin, plain_text, web_address, with_parameter
from tests.domain.test_characters import BLANK, NOT_IN_ANY_TEXT, expanded


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


@pytest.mark.parametrize("check", [plain_text, identifier])
@pytest.mark.parametrize(
    "text", ["", " ", "   ", "\u00a0", "\u3000 ", "\u200d", "\u00ad", "\u3164", "\uffa0 \u1160", "\u2800", "\u200f\u200e", "\ufe0f"]
)
def test_a_blank_text_is_refused(check: Callable[[str, str], str], text: str) -> None:
    assert refusal_of(check, text) == "field must not be blank"


@pytest.mark.parametrize("check", [plain_text, identifier])
@pytest.mark.parametrize("letter", ["a", "é", "\U00020000"])
def test_a_text_has_at_most_255_characters(check: Callable[[str, str], str], letter: str) -> None:
    assert check("field", letter * 255) == letter * 255
    assert refusal_of(check, letter * 256) == "field has 256 characters; at most 255 are accepted"


@pytest.mark.parametrize("check", [plain_text, identifier])
@pytest.mark.parametrize(
    "character", ["\x00", "\n", "\r", "\t", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\ud800", "\ufffe", "\U0010ffff"]
)
def test_a_text_with_a_refused_character_is_refused(check: Callable[[str, str], str], character: str) -> None:
    expected = f"field contains U+{ord(character):04X}, a character that is not accepted"

    assert refusal_of(check, f"Jeanne{character}Moreau") == expected
    assert refusal_of(check, character) == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("moved\r\nabroad", "moved abroad"),
        ("\t\u2028 a \n\t\n b\x0b\x0c\x85c \u3000", "a b c"),
        ("a  b", "a  b"),
        *((blank, None) for blank in ("", " ", "\r\n", "\t\u2029\u3000", "\u200b\n", "\u2800")),
    ],
)
def test_a_text_of_several_lines_becomes_one_line(text: str, line: str | None) -> None:
    assert one_line("field", text) == line


@pytest.mark.parametrize("text", ["a\x00\nb", "\x07", "\n".join(["ab"] * 86)])
def test_a_text_of_several_lines_is_refused_like_any_other(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^field "):
        one_line("field", text)


NAMES = [
    *(
        "Jeanne",
        "O'Brien",
        "Anne-Sophie",
        "D’Arc",
        "Nguyễn",
        "山田\u3000太郎",
        "Jean\u00a0Paul",
        "Jean\u202fPaul",
        "Jean\u2009Paul",
        "李",
        "X Æ A-12",
    ),
    *(
        "\u0915\u094d\u200d\u0937",
        "\u0645\u06cc\u200c\u062e\u0648",
        "\u200f\u05e2\u05d1\u05e8",
        "\u200eAnne",
        "Donau\u00addampf",
        "𠮷野",
        "Björk\u200b",
    ),
    *(chr(0x323B0), chr(0x3347F), chr(0x2EBF0), chr(0x31350), chr(0x1C89), chr(0x10D4A), "\ue000", "\U000e0067a", "q\u0301\u0302"),
]


@pytest.mark.parametrize("check", [plain_text, identifier])
@pytest.mark.parametrize("text", NAMES)
def test_a_name_of_any_script_is_kept_unchanged(check: Callable[[str, str], str], text: str) -> None:
    assert check("field", text) == text


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (" Jeanne ", "Jeanne"),
        ("\u3000\u00a0山田\u2009", "山田"),
        ("e\u0301", "é"),
        ("\u1100\u1161\u11a8", "각"),
        (" " * 300 + "Jeanne", "Jeanne"),
        ("e\u0301" * 255, "é" * 255),
        ("\u03b1\u0313\u0300\u0345" * 255, "\u1f82" * 255),
    ],
)
def test_a_name_is_trimmed_and_normalized_before_it_is_checked(text: str, stored: str) -> None:
    assert plain_text("field", text) == stored


def test_a_name_that_stays_too_long_is_refused_without_normalizing_it() -> None:
    # The length must be checked before normalization (NFC), which sorts combining marks in quadratic time: 10,000 of them take half a second.
    assert refusal_of(plain_text, "a" + "\u0301\u0316" * 5000) == "field has 10001 characters; at most 255 are accepted"


@pytest.mark.parametrize("text", [" Jeanne ", "e\u0301", "\u3000a"])
def test_an_identifier_is_neither_trimmed_nor_normalized(text: str) -> None:
    assert identifier("field", text) == text


@pytest.mark.parametrize("check", [plain_text, identifier])
def test_every_code_point_in_a_name_is_accepted_or_refused_as_listed(check: Callable[[str, str], str]) -> None:
    refused = {code for code in range(0x110000) if isinstance(answer_to(check, f"a{chr(code)}a"), InvalidInput)}

    assert refused == expanded(NOT_IN_ANY_TEXT)


def test_every_code_point_alone_is_a_name_unless_it_is_blank_or_refused() -> None:
    refused = {code for code in range(0x110000) if isinstance(answer_to(plain_text, chr(code)), InvalidInput)}

    assert refused == expanded(NOT_IN_ANY_TEXT) | expanded(BLANK)


@given(st.text(st.characters()))
def test_a_stored_name_is_stored_unchanged_when_it_is_sent_again(text: str) -> None:
    stored = answer_to(plain_text, text)

    assert isinstance(stored, InvalidInput) or plain_text("field", stored) == stored


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/welcome?order=1#top",
        "http://localhost:3000",
        "HTTPS://SHOP.EXAMPLE",
        "https://[::1]:8443/",
        "https://shop.example/caf%C3%A9",
        "https://bücher.example/",
        "https://漢字.example:8443/",
        "https://my_shop.example.:443/",
        "https://shop.example:/",
        "https://192.0.2.1/",
        "https://shop.example/@jeanne?mail=a@b.example#@",
        "https://shop.example/\u6f22\u5b57?q=\u05d0",
        f"https://shop.example/{chr(0x323B0)}{chr(0x1C89)}",
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
        pytest.param("https://user:@/welcome", id="a user and a password for a host"),
        pytest.param("https://:443/welcome", id="a port for a host"),
        pytest.param("https:\\\\shop.example", id="backslashes"),
        pytest.param("https://shop.example\\@evil.example", id="a backslash inside"),
        pytest.param("https://shop.example/wel come", id="a space"),
        pytest.param("https://shop.example/welcome ", id="a space at the end"),
        pytest.param(" https://shop.example/welcome", id="a space at the start"),
        pytest.param("https://shop.example/wel\u00a0come", id="a space that doesn't break"),
        pytest.param("https://shop.example/wel\ncome", id="a line break"),
        pytest.param("https://shop.example/\x00", id="a null"),
        pytest.param("https://shop.example/\u202ecod.exe", id="a change of direction"),
        pytest.param("https://shop.example/\u200f", id="a mark of direction"),
        pytest.param("https://shop.example/\ufffe", id="a noncharacter"),
        pytest.param("https://shop.example/\ud800", id="half a character"),
        pytest.param("https://[::1", id="an open bracket"),
        pytest.param("https://::1]/", id="a closed bracket"),
        pytest.param("https://[1::2::3]/", id="no IPv6 address"),
        pytest.param("https://shop.example:0/", id="port 0"),
        pytest.param("https://shop.example:65536/", id="a port too high"),
        pytest.param("https://shop.example:http/", id="a port that is a word"),
        pytest.param("https://shop.example\u2100/", id="a slash in disguise"),
        pytest.param("https://shop.example%2Fevil.example/", id="an encoded slash in the host"),
        pytest.param("https://shop.example%40evil.example/", id="an encoded at sign in the host"),
        pytest.param("https://shop.example;script-src/", id="a semicolon in the host"),
        pytest.param("https://shop.example,evil.example/", id="a comma in the host"),
        pytest.param("https://shop<b>.example/", id="an element in the host"),
        pytest.param("https://shop|evil.example/", id="a bar in the host"),
        pytest.param("https://*.example/", id="a pattern for a host"),
        pytest.param("https://sh\u200bop.example/", id="a character without a glyph in the host"),
        pytest.param("https://sh\u00adop.example/", id="a soft hyphen in the host"),
        pytest.param("https://shop\u3164.example/", id="a blank letter in the host"),
        pytest.param("https://shop\uff0f.example/", id="a wide slash in the host"),
        pytest.param("https://[fe80::1%25eth0]/", id="an IPv6 address with a zone"),
        pytest.param("https://[v1.fe80]/", id="an address of a future version"),
        pytest.param("https:\t//shop.example", id="a tab"),
        pytest.param("https:/shop.example", id="one slash"),
        pytest.param("https:shop.example", id="no slash"),
    ],
)
def test_a_url_that_a_browser_cannot_be_sent_to_is_refused(url: str) -> None:
    assert refusal_of(web_address, url) == "field must be an absolute http or https URL"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pw@shop.example",
        "https://user@shop.example/",
        "https://@shop.example/",
        "https://:@shop.example/",
        "https://:pw@shop.example/",
        "https://shop.example@evil.example/",
        "https://shop.example:443@evil.example/",
        "https://a@b@evil.example/",
        "https://user%40shop.example@evil.example/",
        "http://user:pw@[::1]:8443/",
        "HTTPS://USER@SHOP.EXAMPLE",
    ],
)
def test_a_url_with_a_user_is_refused(url: str) -> None:
    assert refusal_of(web_address, url) == "field must have no user name and no password"


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


@pytest.mark.parametrize("check", [identifier, web_address, day])
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


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example", "https://shop.example?id=7"),
        ("https://shop.example/", "https://shop.example/?id=7"),
        ("https://shop.example/a?", "https://shop.example/a?id=7"),
        ("https://shop.example/a?b=1&c", "https://shop.example/a?b=1&c&id=7"),
        ("https://shop.example/a?b=1&", "https://shop.example/a?b=1&&id=7"),
        ("https://shop.example/a?b=%2F;x=%zz+é", "https://shop.example/a?b=%2F;x=%zz+é&id=7"),
        ("https://shop.example/a#/route?id=2", "https://shop.example/a?id=7#/route?id=2"),
        ("https://shop.example/a?b=1#", "https://shop.example/a?b=1&id=7#"),
        ("https://shop.example/a?id=1&b=id&id&i%64=3&id=", "https://shop.example/a?b=id&id=7"),
        ("https://shop.example/a?ID=1&idx=2", "https://shop.example/a?ID=1&idx=2&id=7"),
        ("https://shop.example/a?url=https://x.example/?id=1", "https://shop.example/a?url=https://x.example/?id=1&id=7"),
    ],
)
def test_a_parameter_is_added_to_the_query_and_replaces_those_of_the_same_name(url: str, expected: str) -> None:
    assert with_parameter(url, "id", "7") == expected


def test_a_parameter_is_encoded() -> None:
    assert with_parameter("https://shop.example", "a name", "&=#?é/") == "https://shop.example?a%20name=%26%3D%23%3F%C3%A9/"
