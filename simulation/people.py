"""Random people who are verified in the simulation, with fictitious identity documents."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from simulation.chance import weighted

OLDEST_BIRTHDAY, YOUNGEST_BIRTHDAY = date(1944, 1, 1), date(2007, 1, 1)


@dataclass(frozen=True, slots=True)
class Document:
    """The data that a provider reads from an identity document, in the API's formats."""

    full_name: str
    born_on: str
    type: str
    issuing_country_code: str
    national_identification_number: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """A person with a name and one identity document."""

    first_name: str
    last_name: str
    document: Document


@dataclass(frozen=True, slots=True, eq=False)
class Country:
    """The typical names and documents of people from a country.

    `documents` maps each kind of document to its weight. `number` is the format of the national identification number, in which each # stands for a
    digit; None if the country's documents have no such number.
    """

    code: str
    documents: dict[str, float]
    first_names: str
    last_names: str
    number: str | None = None


CARDS: dict[str, float] = {"ID_CARD": 72, "PASSPORT": 18, "DRIVER_LICENSE": 6, "RESIDENCE_PERMIT": 3, "TRAVEL_DOCUMENT": 1}
PASSPORTS: dict[str, float] = {"PASSPORT": 60, "DRIVER_LICENSE": 34, "RESIDENCE_PERMIT": 6}
ABROAD: dict[str, float] = {"PASSPORT": 45, "RESIDENCE_PERMIT": 55}

COUNTRIES: dict[Country, float] = {
    Country("FR", CARDS, "Camille Léa Manon Chloé Inès Jules Hugo Gaël", "Martin Bernard Dubois Petit Lefèvre Moreau Garnier"): 34,
    Country("DE", CARDS, "Anna Jürgen Leonie Maximilian Greta Sören", "Müller Schmidt Weiß Hoffmann Schäfer Krüger Vogel"): 16,
    Country("ES", CARDS, "Lucía Martín Sofía Íñigo Carmen Álvaro", "García Fernández Muñoz Ortega Peña Vidal", "########K"): 10,
    Country("IT", CARDS, "Giulia Leonardo Aurora Matteo Chiara Davide", "Rossi Ferrari Esposito Colombo D'Angelo Conti"): 10,
    Country("PL", CARDS, "Zofia Łukasz Hanna Wojciech Jakub", "Nowak Wiśniewska Zieliński Dąbrowska Król", "###########"): 7,
    Country("BE", CARDS, "Emma Lars Noor Arthur Louise Wout", "Peeters Janssens Maes Claes Wouters", "##.##.##-###.##"): 5,
    Country("SE", CARDS, "Astrid Nils Märta Oskar Elsa Åke", "Andersson Lindqvist Sjöberg Åström Berg", "######-####"): 5,
    Country("GB", PASSPORTS, "Olivia George Amelia Rhys Isla Oliver", "Smith O'Connor Patel Hughes MacDonald Okafor"): 5,
    Country("IE", PASSPORTS, "Aoife Cian Niamh Oisín Saoirse", "Murphy Byrne Ó'Briain Walsh Doyle"): 3,
    Country("PT", CARDS, "Beatriz João Inês Gonçalo Mafalda", "Silva Gonçalves Araújo Simões Brandão", "########"): 3,
    Country("VN", ABROAD, "Linh Minh Thảo Đức Hương", "Nguyễn Trần Phạm Võ Đặng"): 2,
}

# The countries that issue the simulation's residence permits to foreigners, and how often each does, relative to the others.
HOSTS: dict[str, float] = {"FR": 60, "DE": 25, "NL": 15}


def person(random: Random) -> Person:
    """A random person. The identity document has the same name as the person."""
    country = weighted(random, COUNTRIES)
    first_name, last_name = random.choice(country.first_names.split()), random.choice(country.last_names.split())
    if random.random() < 0.08:
        last_name = f"{last_name}-{random.choice(country.last_names.split())}"
    return Person(first_name, last_name, _document(random, f"{first_name} {last_name}", country))


def _document(random: Random, full_name: str, country: Country) -> Document:
    born_on = OLDEST_BIRTHDAY + timedelta(days=random.randrange((YOUNGEST_BIRTHDAY - OLDEST_BIRTHDAY).days))
    type = weighted(random, country.documents)
    if type == "RESIDENCE_PERMIT":
        return Document(full_name, born_on.isoformat(), type, weighted(random, HOSTS), None)
    number = country.number and "".join(str(random.randrange(10)) if mark == "#" else mark for mark in country.number)
    return Document(full_name, born_on.isoformat(), type, country.code, number)
