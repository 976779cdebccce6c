"""Operations that nobody thought of, made from the schema: 2,000 of them, asked by one who may read and no more."""

import logging
import re
from datetime import UTC

import orjson
import pytest
from graphql import FieldNode, parse
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import mutations, nodes, queries

from domain.caller import Scope
from gateway.selections import operations_of
from tests.company import Company
from tests.gateway.test_identity import SCHEMA
from tests.security.connections import answers
from tests.security.transports import asking

# What is made is a document, and takes long; it is asked about each of the company's verifications.
QUERIES, MUTATIONS, AT_ONCE = 300, 100, 16
PERSON = {"firstName": "Canarella", "lastName": "Kanarienvogel"}
DOCUMENT = {"fullName": "Canarella Kanarienvogel", "bornOn": "1990-07-13", "nationalIdentificationNumber": "900123456789012"}
PERSONAL = (*PERSON.values(), *DOCUMENT.values())
UNKNOWN, FRAUD = "CANARY_9999", ("IDVV_2301", "IDVV_2403")
CATALOGUE = {"reasonCodes", "reasonCode"}
PLACES = [f"place{number}" for number in range(5)]
SCALARS = {
    "ID": st.sampled_from(PLACES).map(nodes.String),
    "DateTime": st.datetimes(timezones=st.just(UTC)).map(lambda at: nodes.String(at.isoformat())),
}


def made(kind: st.SearchStrategy[str], number: int) -> list[str]:
    """So many documents, the same ones whenever it is asked."""
    documents: list[str] = []

    @settings(max_examples=number, derandomize=True, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(kind)
    def collect(document: str) -> None:
        documents.append(document)

    collect()
    return documents


def with_variables(document: str) -> str:
    """The document with variables in its places, so that it is asked about one verification after the other."""
    kind, opening, rest = document.partition("{")
    used = sorted(set(re.findall("place[0-9]", document)))
    declared = f"({', '.join(f'${place}: ID!' for place in used)})" if used else ""
    return re.sub('"(place[0-9])"', r"$\1", f"{kind.strip() or 'query'}{declared} {opening}{rest}")


async def with_a_history(company: Company) -> list[str]:
    """The ids of a verification under way and of four others, with all that a reader must not see."""
    pending, verified, failed, withheld = [await company.created(**PERSON) for _ in range(4)]
    await company.result(verified, "VERIFIED", extractedDocument=DOCUMENT)
    await company.result(verified, "FAILED", FRAUD[0], UNKNOWN)
    await company.result(failed, "FAILED", "IDVV_2101", *FRAUD, UNKNOWN, extractedDocument=DOCUMENT)
    await company.result(withheld, "FAILED", UNKNOWN, extractedDocument=DOCUMENT)
    return [pending, verified, failed, withheld, (await company.retry(failed))["id"]]


def asks_for_the_catalogue(document: str) -> bool:
    """Whether an operation reads the reasons that are there, whoever has them."""
    [operation] = operations_of(parse(document))
    return any(isinstance(field, FieldNode) and field.name.value in CATALOGUE for field in operation.selection_set.selections)


async def test_whatever_a_reader_asks_nothing_breaks_and_nothing_is_told_that_is_not_theirs(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    ids = await with_a_history(company)
    token, before = company.token(Scope.READ), company.kept()
    documents = [
        with_variables(document)
        for document in (*made(queries(SCHEMA, custom_scalars=SCALARS), QUERIES), *made(mutations(SCHEMA, custom_scalars=SCALARS), MUTATIONS))
    ]
    secrets = [(*PERSONAL, UNKNOWN, *(() if asks_for_the_catalogue(document) else FRAUD)) for document in documents]
    turns = [dict(zip(PLACES, ids[turn:] + ids[:turn], strict=True)) for turn in range(len(ids))]

    with caplog.at_level(logging.INFO):
        told = await answers(company.gateway, [(token, asking(document, turn)) for turn in turns for document in documents], AT_ONCE)

    answered = 0
    for document, hidden, (status, body) in zip(documents * len(turns), secrets * len(turns), told, strict=True):
        text, data = body.decode(), orjson.loads(body).get("data")
        assert status < 500, document
        assert "INTERNAL_SERVER_ERROR" not in text, (document, text)
        assert not [secret for secret in hidden if secret in text], (document, text)
        assert not (data and document.startswith("mutation")), document
        answered += data is not None
    assert company.kept() == before
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    # Where most were refused, the answers would show nothing.
    assert answered > len(turns) * QUERIES // 2
