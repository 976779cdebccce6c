"""What to say to the individual about a reason: what happened and what to do better. No text says that the individual may retry."""

from domain.guidance.english import ENGLISH
from domain.guidance.french import FRENCH
from domain.guidance.german import GERMAN
from domain.guidance.italian import ITALIAN
from domain.guidance.spanish import SPANISH

# The texts by language: ISO 639-1 codes, as in the first subtag of a locale (BCP 47).
GUIDANCE = {"en": ENGLISH, "fr": FRENCH, "de": GERMAN, "es": SPANISH, "it": ITALIAN}


def guidance_on(code: str, locale: str) -> str | None:
    """The text on a reason in the language of the locale, such as "fr-CA" or "de_AT", or in English if there are no texts in that language.

    Returns None for an internal or unknown code: such codes have no text.
    """
    language = locale.replace("_", "-").partition("-")[0].strip(" ").lower()
    return GUIDANCE.get(language, ENGLISH).get(code)
