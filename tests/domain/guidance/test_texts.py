"""Tests the texts for the individual: each visible code has a text in each language. No text promises a retry, or reveals what a check looks for."""

import re

import pytest

from domain.guidance.texts import GUIDANCE, guidance_on
from domain.reasons import CATALOGUE

VISIBLE = {code for code, reason in CATALOGUE.items() if not reason.internal}
EVERY_TEXT = [(language, code) for language, texts in GUIDANCE.items() for code in texts]
# Words that would offer or announce a retry.
RETRY = {
    "en": r"\bagain\b|\bretr|\btry|\battempt|\banother (time|go|chance)",
    "fr": r"réessa|nouveau|recommenc|tentative|encore une fois",
    "de": r"erneut|noch ?(ein)?mal|wieder|versuch",
    "es": r"de nuevo|otra vez|nuevamente|vuelv|volver|intent",
    "it": r"di nuovo|nuovamente|riprov|ritent|tentativ|un’altra volta",
}
# Words that blame the individual, or that reveal what a check looks for.
BLAME = r"fraud|fälsch|falsif|frode|fake|suspici|suspect|verdächt|sospett|sospech|failed|échou|gescheitert|fallid|fallit"
FAMILIAR = {"fr": r"\b(tu|ton|ta|tes|toi)\b", "de": r"\b(du|dein\w*|dich|dir)\b", "es": r"\b(tú|tu|tus|ti)\b", "it": r"\b(tu|tuo|tua|tuoi|tue|ti)\b"}


def test_each_visible_code_has_a_text_in_each_of_five_languages_and_no_other_code_has_one() -> None:
    assert len(VISIBLE) == 31
    assert {language: texts.keys() for language, texts in GUIDANCE.items()} == dict.fromkeys(("en", "fr", "de", "es", "it"), VISIBLE)


@pytest.mark.parametrize(("language", "code"), EVERY_TEXT)
def test_a_text_is_one_or_two_short_sentences_that_say_nothing_about_a_retry(language: str, code: str) -> None:
    text = GUIDANCE[language][code]

    assert 40 <= len(text) <= 200
    assert text.endswith(".")
    assert text.count(". ") <= 1
    assert text == text.strip()
    assert "  " not in text
    assert "'" not in text
    assert not re.search(RETRY[language], text, re.IGNORECASE)
    assert not re.search(BLAME, text, re.IGNORECASE)
    assert not re.search(FAMILIAR.get(language, "$^"), text, re.IGNORECASE)
    assert not re.search(r"IDVV|[!?<>{}]", text)


@pytest.mark.parametrize("language", GUIDANCE)
def test_the_texts_of_a_language_differ(language: str) -> None:
    assert len(set(GUIDANCE[language].values())) == 31


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        *((language, language) for language in GUIDANCE),
        *(("fr-CA", "fr"), ("de_AT", "de"), ("FR", "fr"), ("es-419", "es"), ("it-IT-u-ca-gregory", "it"), ("EN_GB", "en"), (" de ", "de")),
        *((other, "en") for other in ("", " ", "nl", "pt-BR", "fra", "french", "f", "-fr", "zh-Hant", "\ud800", "\u0130t", "ﬁ", "x" * 10_000)),
    ],
)
def test_a_locale_selects_its_language_or_english(locale: str, language: str) -> None:
    assert guidance_on("IDVV_1201", locale) == GUIDANCE[language]["IDVV_1201"]


@pytest.mark.parametrize("code", [*sorted(CATALOGUE.keys() - VISIBLE), "NEW", ""])
@pytest.mark.parametrize("locale", [*GUIDANCE, "nl"])
def test_an_internal_or_unknown_code_has_no_text(code: str, locale: str) -> None:
    assert guidance_on(code, locale) is None
