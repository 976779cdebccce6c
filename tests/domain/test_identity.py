"""Tests the validation of declared names and of the data from identity documents."""

from typing import Any

import pytest

from domain.errors import InvalidInput
from domain.identity import DeclaredIdentity, DocumentType, ExtractedDocument


def extracted(**values: Any) -> ExtractedDocument:
    empty: dict[str, Any] = {
        "full_name": None,
        "born_on": None,
        "type": None,
        "issuing_country_code": None,
        "national_identification_number": None,
    }
    return ExtractedDocument.extracted(**empty | values)


def test_names_are_kept_unchanged() -> None:
    assert DeclaredIdentity.declared("Jeanne", "Moreau") == DeclaredIdentity(first_name="Jeanne", last_name="Moreau")


@pytest.mark.parametrize("name", ["", " ", "a" * 256, "a\x00"])
def test_the_refusal_of_an_invalid_name_names_its_field(name: str) -> None:
    with pytest.raises(InvalidInput) as first:
        DeclaredIdentity.declared(name, "Moreau")
    with pytest.raises(InvalidInput) as last:
        DeclaredIdentity.declared("Jeanne", name)

    assert (first.value.field, last.value.field) == ("firstName", "lastName")


def test_a_document_may_have_some_values_or_none() -> None:
    assert extracted() == ExtractedDocument()
    assert extracted(born_on="1990-01-23") == ExtractedDocument(born_on="1990-01-23")


def test_a_document_may_have_all_values() -> None:
    document = ExtractedDocument.extracted("Jeanne Moreau", "1990-01-23", DocumentType.PASSPORT, "FRA", "900123456789012")

    assert document.full_name == "Jeanne Moreau"
    assert document.born_on == "1990-01-23"
    assert document.type is DocumentType.PASSPORT
    assert document.issuing_country_code == "FRA"
    assert document.national_identification_number == "900123456789012"


@pytest.mark.parametrize(
    ("value", "text", "field"),
    [
        ("full_name", " ", "extractedDocument.fullName"),
        ("full_name", "a" * 256, "extractedDocument.fullName"),
        ("born_on", "23/01/1990", "extractedDocument.bornOn"),
        ("born_on", "", "extractedDocument.bornOn"),
        ("issuing_country_code", "F", "extractedDocument.issuingCountryCode"),
        ("issuing_country_code", "fr", "extractedDocument.issuingCountryCode"),
        ("issuing_country_code", "FRAN", "extractedDocument.issuingCountryCode"),
        ("issuing_country_code", "FR\n", "extractedDocument.issuingCountryCode"),
        ("national_identification_number", "", "extractedDocument.nationalIdentificationNumber"),
        ("national_identification_number", "1\x00", "extractedDocument.nationalIdentificationNumber"),
    ],
)
def test_the_refusal_of_an_invalid_value_of_a_document_names_its_field(value: str, text: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        extracted(**{value: text})

    assert refusal.value.field == field
