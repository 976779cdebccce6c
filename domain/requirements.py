"""What an integrator requires of a verification, or chooses for the individual beforehand."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from domain.errors import InvalidInput
from domain.identity import DocumentType

COUNTRY = re.compile("[A-Z]{2}")
LOCALE = re.compile("[a-z]{2}")
MAX_AGE = 150
MAX_COUNTRIES = 300


@dataclass(frozen=True, slots=True)
class Requirements:
    """What the provider must insist on, and what it should preselect. None or an empty tuple: the integrator requires or chooses nothing.

    `min_age`, `max_age`: years. `prohibited_countries`: issuing countries of documents, as ISO 3166-1 alpha-2 codes. `document_type`,
    `document_country`, `residence_country` (alpha-2) and `locale` (ISO 639-1) are preselected for the individual.
    """

    min_age: int | None = None
    max_age: int | None = None
    prohibited_countries: tuple[str, ...] = ()
    document_type: DocumentType | None = None
    document_country: str | None = None
    residence_country: str | None = None
    locale: str | None = None

    @classmethod
    def required(
        cls,
        min_age: int | None,
        max_age: int | None,
        prohibited_countries: Sequence[str] | None,
        document_type: DocumentType | None,
        document_country: str | None,
        residence_country: str | None,
        locale: str | None,
    ) -> Self:
        """The requirements, if each value is valid. Countries may be in lower case, a locale in upper case. Raises: InvalidInput."""
        for name, age in (("minAge", min_age), ("maxAge", max_age)):
            if age is not None and not 1 <= age <= MAX_AGE:
                raise InvalidInput(f"requirements.{name}", f"must be 1 to {MAX_AGE} years")
        if min_age is not None and max_age is not None and min_age > max_age:
            raise InvalidInput("requirements.maxAge", "must not be less than minAge")
        countries = tuple(dict.fromkeys(country("prohibitedCountries", each) for each in prohibited_countries or ()))
        if len(countries) > MAX_COUNTRIES:
            raise InvalidInput("requirements.prohibitedCountries", f"has {len(countries)} countries; at most {MAX_COUNTRIES} are accepted")
        return cls(
            min_age,
            max_age,
            countries,
            document_type,
            None if document_country is None else country("documentCountry", document_country),
            None if residence_country is None else country("residenceCountry", residence_country),
            None if locale is None else language(locale),
        )


def country(field: str, code: str) -> str:
    """The country code in upper case. Raises: InvalidInput with `requirements.<field>` if it is not two letters."""
    if not COUNTRY.fullmatch(code.upper()) or not code.isascii():
        raise InvalidInput(f"requirements.{field}", "must have ISO 3166-1 codes of two letters, such as FR")
    return code.upper()


def language(locale: str) -> str:
    """The locale in lower case. Raises: InvalidInput if it is not two letters."""
    if not LOCALE.fullmatch(locale.lower()) or not locale.isascii():
        raise InvalidInput("requirements.locale", "must be an ISO 639-1 code of two letters, such as fr")
    return locale.lower()
