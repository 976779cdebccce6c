"""Tests which data of unusual identity documents are kept. Whatever a document contains, the result that it came with must not be refused."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.extraction import Extraction
from domain.identity import DocumentType, ExtractedDocument
from domain.result import Result
from domain.status import Status
from tests.factories import NOON, a_verification

NAME, BORN, COUNTRY, NUMBER = "fullName", "bornOn", "issuingCountryCode", "nationalIdentificationNumber"
LEFT_OUT, REPAIRED = "was not usable and was left out", "was repaired"
ATTRIBUTES = {NAME: "full_name", BORN: "born_on", COUNTRY: "issuing_country_code", NUMBER: "national_identification_number"}


def received(**texts: str | None) -> Extraction:
    """The extraction from a passport in which the provider read these texts, by the names of the GraphQL fields."""
    return Extraction.received(texts.get(NAME), texts.get(BORN), DocumentType.PASSPORT, texts.get(COUNTRY), texts.get(NUMBER), NOON)


KEPT = [
    *((NAME, name) for name in ("Jeanne Moreau", "x" * 510, "山田\u3000太郎", "\u200fא", "O’Brien", chr(0x323B0), "MOREAU<<JEANNE", "-", "1")),
    *((BORN, day) for day in ("1977-01-31", "2024-02-29", "0001-01-01")),
    *((COUNTRY, code) for code in ("FR", "FRA", "D", "GBD", "XXA", "UNO", "EUE", "XK", "RKS", "ZZ")),
    *((NUMBER, number) for number in ("900123456789012", "12.34-56 X", "x" * 510)),
]
REPAIRS = [
    *((NAME, name, "Jeanne Moreau") for name in (" Jeanne Moreau", "Jeanne Moreau\u3000", "Jeanne\nMoreau", "Jeanne\r\nMoreau\n", "Jeanne\tMoreau")),
    *((NAME, name, "Jeanne Moreau") for name in ("Jeanne\u2028Moreau", "\u202aJeanne Moreau\u202c", "\u2068Jeanne\u2069 Moreau", "Jeanne\x85Moreau")),
    (NAME, "Ame\u0301lie", "Amélie"),
    (NAME, " " * 600 + "Jeanne", "Jeanne"),
    (NAME, "e\u0301" * 510, "é" * 510),
    *((BORN, day, "1977-01-31") for day in (" 1977-01-31", "1977-01-31 ", "\u00a01977-01-31")),
    *((COUNTRY, code, "FR") for code in ("fr", "Fr", " FR ", "FR<", "fr\u00a0")),
    *((COUNTRY, code, "D") for code in ("d", "D<<", " D ", "d<")),
    (COUNTRY, "fra", "FRA"),
    (NUMBER, "900\n123", "900 123"),
    (NUMBER, " 42 ", "42"),
]
UNUSABLE = [
    *(
        (NAME, name)
        for name in ("", " ", "\n", "\u3164", "\u2800\u200b", "\ufeff", "x" * 511, "Jeanne\x00Moreau", "\x1b[31m", "\ud800", "\ufffe", "x" * 9999)
    ),
    *((BORN, day) for day in ("", "1977", "1977-00-00", "1977-01-00", "1977-02-30", "1977-1-31", "19770131", "31/01/1977", "1977-W05-1", "unknown")),
    *(
        (BORN, day)
        for day in (
            "0000-01-01",
            "9999-12-31",
            "10000-01-01",
            "1977-01-31T00:00:00Z",
            "-1977-01-31",
            "\ud800",
            "\u0661\u0669\u0667\u0667-\u0660\u0661-\u0663\u0661",
        )
    ),
    *(
        (COUNTRY, code)
        for code in ("", " ", "F", "France", "FRAN", "250", "F1", "FR\n", "F R", "<<<", "ß", "\ufb01", "\u0131t", "ФР", "F\u0301R", "\ud800")
    ),
    *((NUMBER, number) for number in ("", " ", "\x00", "1\x7f2", "x" * 511, "\u115f", "\udfff")),
]


def test_there_are_at_least_forty_unusual_values() -> None:
    assert len(REPAIRS) + len(UNUSABLE) >= 40


@pytest.mark.parametrize(("field", "text"), KEPT)
def test_a_usual_value_is_kept_without_a_note(field: str, text: str) -> None:
    extraction = received(**{field: text})

    assert extraction == Extraction(ExtractedDocument(type=DocumentType.PASSPORT, **{ATTRIBUTES[field]: text}), None)


@pytest.mark.parametrize(("field", "text", "stored"), REPAIRS)
def test_a_value_that_can_be_repaired_is_kept_with_a_note(field: str, text: str, stored: str) -> None:
    extraction = received(**{field: text})

    assert extraction.document == ExtractedDocument(type=DocumentType.PASSPORT, **{ATTRIBUTES[field]: stored})
    assert extraction.note == f"extractedDocument.{field} {REPAIRED}"


@pytest.mark.parametrize(("field", "text"), UNUSABLE)
def test_a_value_that_cannot_be_used_is_left_out_with_a_note(field: str, text: str) -> None:
    extraction = received(**{field: text})

    assert extraction == Extraction(ExtractedDocument(type=DocumentType.PASSPORT), f"extractedDocument.{field} {LEFT_OUT}")


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (datetime(2026, 3, 1, 9, 59, tzinfo=UTC), "2026-03-01"),
        # In the time zone that is 14 hours ahead of UTC, it is midnight: the next day begins.
        (datetime(2026, 3, 1, 10, 0, tzinfo=UTC), "2026-03-02"),
        (datetime(2028, 2, 28, 23, 59, tzinfo=UTC), "2028-02-29"),
        (datetime(2026, 12, 31, 12, 0, tzinfo=UTC), "2027-01-01"),
    ],
)
def test_a_birth_in_the_future_is_left_out(now: datetime, last: str) -> None:
    next_day = (date.fromisoformat(last) + timedelta(days=1)).isoformat()

    kept, left_out = (Extraction.received("Jeanne Moreau", day, None, None, None, now) for day in (last, next_day))

    assert kept == Extraction(ExtractedDocument("Jeanne Moreau", last), None)
    assert left_out == Extraction(ExtractedDocument("Jeanne Moreau"), f"extractedDocument.bornOn {LEFT_OUT}")


def test_the_other_values_of_a_document_are_kept() -> None:
    extraction = Extraction.received("Jeanne Moreau", "1977-00-00", None, "d", "\x00", NOON)

    assert extraction.document == ExtractedDocument("Jeanne Moreau", issuing_country_code="D")
    assert extraction.note == (
        f"extractedDocument.bornOn {LEFT_OUT}; extractedDocument.issuingCountryCode {REPAIRED}; "
        f"extractedDocument.nationalIdentificationNumber {LEFT_OUT}"
    )


def test_a_document_without_a_usable_value_is_no_document() -> None:
    extraction = Extraction.received("", "1977", None, "France", " ", NOON)

    assert extraction.document is None
    assert (extraction.note or "").count(LEFT_OUT) == 4


def test_a_document_without_values_is_no_document_and_needs_no_note() -> None:
    assert Extraction.received(None, None, None, None, None, NOON) == Extraction(None, None)


texts: st.SearchStrategy[Any] = st.none() | st.text(st.characters()) | st.text(max_size=3).map(lambda text: text * 400)


@given(texts, texts, st.none() | st.sampled_from(DocumentType), texts, texts)
def test_whatever_a_document_contains_the_verdict_stands_and_the_note_contains_no_value(
    name: Any, born: Any, type: DocumentType | None, country: Any, number: Any
) -> None:
    extraction = Extraction.received(name, born, type, country, number, NOON)

    verified = a_verification().concluded(Result.reported(Status.VERIFIED, [], extraction.document, note=extraction.note), NOON)

    fields = [field for field in (NAME, BORN, COUNTRY, NUMBER) if f"extractedDocument.{field} " in (extraction.note or "")]
    assert verified.status is Status.VERIFIED
    assert verified.events[-1].note == extraction.note
    assert "; ".join(f"extractedDocument.{field} {REPAIRED if kept(extraction, field) else LEFT_OUT}" for field in fields) == (extraction.note or "")
    # The kept values can be stored, and a second extraction from them keeps them unchanged.
    document = extraction.document or ExtractedDocument()
    again = Extraction.received(
        document.full_name, document.born_on, document.type, document.issuing_country_code, document.national_identification_number, NOON
    )
    assert again == Extraction(extraction.document, None)
    assert repr(document).encode()


def kept(extraction: Extraction, field: str) -> bool:
    return extraction.document is not None and getattr(extraction.document, ATTRIBUTES[field]) is not None


def test_an_unchecked_type_is_recognized_by_its_stored_name() -> None:
    assert Extraction.received("Jeanne", None, "passport", None, None, NOON).document == ExtractedDocument("Jeanne", type=DocumentType.PASSPORT)
    for unusable in ("PASSPORT", "visa", ""):
        assert Extraction.received(None, None, unusable, None, None, NOON) == Extraction(
            None, "extractedDocument.type was not usable and was left out"
        )
