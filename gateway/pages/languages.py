"""The languages of the individual's pages, and the choice among them by the header `Accept-Language`."""

import re

LANGUAGES = ("en", "fr", "de", "es", "it")
DEFAULT_LANGUAGE = "en"
# One entry of the header `Accept-Language`: a language tag, whose first part is the language, and optionally a weight.
RANGE = re.compile(r"(?P<language>[A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9*-]*)?(?:\s*;\s*q\s*=\s*(?P<weight>[01](?:\.\d{0,3})?))?")
MAX_RANGES = 30


def preferred_language(accept_language: str) -> str:
    """The language that the browser prefers among LANGUAGES. DEFAULT_LANGUAGE if it accepts none of them.

    Source: RFC 9110, 12.5.4.
    """
    best, best_weight = DEFAULT_LANGUAGE, 0.0
    for part in accept_language.split(",")[:MAX_RANGES]:
        found = RANGE.fullmatch(part.strip())
        if not found:
            continue
        weight, language = float(found["weight"] or 1), found["language"].lower()
        language = DEFAULT_LANGUAGE if language == "*" else language
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best
