from typing import Any

import pytest

from domain.errors import InvalidInput
from domain.identity import DocumentType
from domain.requirements import Requirements

NOTHING: dict[str, Any] = dict.fromkeys(
    ("min_age", "max_age", "prohibited_countries", "document_type", "document_country", "residence_country", "locale")
)


def test_nothing_is_required_by_default() -> None:
    assert Requirements.required(**NOTHING) == Requirements()


def test_codes_are_accepted_in_either_case_and_without_repetitions() -> None:
    values = {"prohibited_countries": ["ru", "RU", "kp"], "document_country": "fr", "residence_country": "DE", "locale": "FR"}

    required = Requirements.required(**{**NOTHING, **values, "document_type": DocumentType.PASSPORT})

    assert required == Requirements(None, None, ("RU", "KP"), DocumentType.PASSPORT, "FR", "DE", "fr")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"min_age": 0}, "requirements.minAge"),
        ({"max_age": 151}, "requirements.maxAge"),
        ({"min_age": 30, "max_age": 20}, "requirements.maxAge"),
        ({"prohibited_countries": ["FRA"]}, "requirements.prohibitedCountries"),
        ({"prohibited_countries": ["F\u0130"]}, "requirements.prohibitedCountries"),
        ({"document_country": ""}, "requirements.documentCountry"),
        ({"residence_country": "ß"}, "requirements.residenceCountry"),
        ({"locale": "fr-FR"}, "requirements.locale"),
        ({"locale": "fr\n"}, "requirements.locale"),
    ],
)
def test_an_invalid_value_is_refused_with_its_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Requirements.required(**{**NOTHING, **values})

    assert refused.value.field == field
