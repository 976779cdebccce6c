"""Decides which of the data that a provider has read from an identity document the gateway keeps.

An unusable value never causes the gateway to refuse the result: the value is repaired or left out, and a note names its field.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from domain.characters import CHANGE_OF_DIRECTION, LINE_BREAK, trimmed
from domain.errors import InvalidInput
from domain.identity import DocumentType, ExtractedDocument
from domain.text import day, plain_text

MAX_EXTRACTED_CHARACTERS = 510

# The difference from UTC in the time zone where each day begins first. A child may be born there on a day that has not begun in UTC.
EASTERNMOST = timedelta(hours=14)

TYPES_BY_NAME = {type.value: type for type in DocumentType}

# Two letters: ISO 3166-1 alpha-2. Three letters: alpha-3, or a code of ICAO Doc 9303-3 for a person without a nationality. In Doc 9303-3,
# "D" is Germany.
ISSUING_COUNTRY = re.compile("[A-Z]{2,3}|D", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Extraction:
    """The usable values of an identity document. `document` is None if no value is usable.

    `note` names the fields whose values were repaired or left out. It never contains a value.
    """

    document: ExtractedDocument | None = None
    note: str | None = None

    @classmethod
    def received(
        cls,
        full_name: str | None,
        born_on: str | None,
        type: DocumentType | str | None,
        issuing_country_code: str | None,
        national_identification_number: str | None,
        now: datetime,
    ) -> Self:
        """The extraction from the values that a provider sent. Raises nothing, whatever the values are.

        `type`: the kind of document, or the text that the provider sent for it, which may be no valid kind.

        `now`: the current time. A date of birth that has not begun anywhere yet is left out.
        """
        kind = TYPES_BY_NAME.get(type) if isinstance(type, str) else type
        received = {
            "fullName": full_name,
            "bornOn": born_on,
            "issuingCountryCode": issuing_country_code,
            "nationalIdentificationNumber": national_identification_number,
        }
        usable = {field: usable_value(field, text, now) for field, text in received.items()}
        document = ExtractedDocument(usable["fullName"], usable["bornOn"], kind, usable["issuingCountryCode"], usable["nationalIdentificationNumber"])
        notes = [remark for field, text in received.items() if (remark := remark_on(field, text, usable[field]))]
        if kind is None and type is not None:
            notes.append(left_out("type"))
        return cls(None if document == ExtractedDocument() else document, "; ".join(notes) or None)


def usable_value(field: str, text: str | None, now: datetime) -> str | None:
    """The value of a document's field after repairs; None if it can't be used. `now`: the current time, in UTC."""
    if text is None:
        return None
    try:
        match field:
            case "bornOn":
                born = day(field, trimmed(text))
                # Texts of the form YYYY-MM-DD can be compared: the greater text is the later day.
                return born if born <= (now + EASTERNMOST).date().isoformat() else None
            case "issuingCountryCode":
                return issuing_country(text)
            case _:
                return plain_text(field, CHANGE_OF_DIRECTION.sub("", LINE_BREAK.sub(" ", text)), MAX_EXTRACTED_CHARACTERS)
    except InvalidInput:
        return None


def issuing_country(text: str) -> str | None:
    """The country code in capitals; None if the text can't be a code. The filler "<" of machine-readable zones is removed, as in "D<<"."""
    code = trimmed(text).rstrip("<")
    return code.upper() if ISSUING_COUNTRY.fullmatch(code) else None


def remark_on(field: str, received: str | None, kept: str | None) -> str | None:
    """A sentence that says that the value of a field was repaired or left out; None if it was kept unchanged."""
    if kept == received:
        return None
    return left_out(field) if kept is None else f"extractedDocument.{field} was repaired"


def left_out(field: str) -> str:
    """The sentence that says that the value of this field could not be used and was left out."""
    return f"extractedDocument.{field} was not usable and was left out"
