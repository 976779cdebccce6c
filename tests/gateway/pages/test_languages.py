"""The choice of a page's language by the header `Accept-Language`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pages.languages import LANGUAGES, preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"),
        ("DE-at", "de"),
        ("zh-Hant-TW;q=1, es-419;q=0.3", "es"),
        ("nl, it;q=0.5, fr;q=0.6", "fr"),
        ("it, fr", "it"),
        ("fr;q=0, it;q=0.1", "it"),
        ("fr;q=0", "en"),
        ("nl, ja", "en"),
        ("*", "en"),
        ("pl, *;q=0.8, de;q=0.5", "en"),
        ("de ; q = 0.5 , en;q=0.4", "de"),
        ("frisian, french, fra", "en"),
        ("fr;q=2, de;q=0.1", "de"),
        ("fr;level=1, de;q=0.1", "de"),
        (",,;q=1, -fr, es", "es"),
        (", " * 100 + "fr", "en"),
    ],
)
def test_the_language_with_the_highest_weight_among_those_of_the_pages_is_chosen(header: str, language: str) -> None:
    assert preferred_language(header) == language


@given(st.text(st.characters(max_codepoint=255)) | st.text("frdeit-*;q=0.19, "))
def test_any_header_leads_to_a_language(header: str) -> None:
    assert preferred_language(header) in LANGUAGES
