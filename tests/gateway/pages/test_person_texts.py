"""The texts of the individual's pages exist in every language, and contain plain words only."""

import re
from dataclasses import asdict
from typing import Any

import pytest

from gateway.pages.languages import LANGUAGES
from gateway.pages.person_texts import PERSON_TEXTS


def texts_of(value: Any) -> list[str]:
    """All texts in a value of dicts, tuples and texts, in their order."""
    if isinstance(value, str):
        return [value]
    return [text for each in (value.values() if isinstance(value, dict) else value) for text in texts_of(each)]


def test_there_are_texts_in_every_language_and_none_is_missing() -> None:
    assert tuple(PERSON_TEXTS) == LANGUAGES
    filled = {language: [bool(text) for text in texts_of(asdict(texts))] for language, texts in PERSON_TEXTS.items()}
    assert all(each == filled["en"] for each in filled.values())
    assert sum(filled["en"]) == 17


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_contains_a_code_a_status_or_a_reproach(language: str) -> None:
    words = re.compile(r"IDVV|pending|failed|inconclusive|verified|échec|fehlgeschlagen|fallid|fallit|<|&", re.IGNORECASE)

    assert [text for text in texts_of(asdict(PERSON_TEXTS[language])) if words.search(text)] == []
    assert "{host}" in PERSON_TEXTS[language].ended.action


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_copied_from_another_language(language: str) -> None:
    own = {text for text in texts_of(asdict(PERSON_TEXTS[language])) if text}
    others = {text for other in LANGUAGES if other != language for text in texts_of(asdict(PERSON_TEXTS[other]))}

    assert own & others == set()
