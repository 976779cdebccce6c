from collections import Counter
from datetime import date
from random import Random

from simulation.people import COUNTRIES, HOSTS, OLDEST_BIRTHDAY, YOUNGEST_BIRTHDAY, person

PEOPLE = [person(random) for random in [Random(1)] for _ in range(3000)]


def test_the_document_has_the_persons_name() -> None:
    assert all(each.document.full_name == f"{each.first_name} {each.last_name}" for each in PEOPLE)


def test_people_are_adults() -> None:
    assert all(OLDEST_BIRTHDAY <= date.fromisoformat(each.document.born_on) < YOUNGEST_BIRTHDAY for each in PEOPLE)


def test_every_country_and_every_type_of_document_occurs() -> None:
    countries = Counter(each.document.issuing_country_code for each in PEOPLE)
    types = Counter(each.document.type for each in PEOPLE)

    assert set(countries) == {country.code for country in COUNTRIES} | set(HOSTS)
    assert set(types) == {type for country in COUNTRIES for type in country.documents}


def test_residence_permits_are_issued_by_the_host_country_and_have_no_number() -> None:
    permits = [each.document for each in PEOPLE if each.document.type == "RESIDENCE_PERMIT"]

    assert {permit.issuing_country_code for permit in permits} == set(HOSTS)
    assert all(permit.national_identification_number is None for permit in permits)


def test_identification_numbers_follow_the_pattern_of_their_country() -> None:
    patterns = {country.code: country.number for country in COUNTRIES if country.number}

    for document in [each.document for each in PEOPLE if each.document.national_identification_number]:
        number = document.national_identification_number or ""
        assert "".join("#" if character.isdigit() else character for character in number) == patterns[document.issuing_country_code]
