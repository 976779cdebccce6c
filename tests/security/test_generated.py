"""Sends at least 2,000 operations that are generated from the schema. None may fail internally, change anything, or reveal hidden data.

One caller may only read (the reader). The other one has a follow token (the follower).
"""

import logging
import re
from collections.abc import AsyncIterator
from datetime import UTC
from itertools import cycle

import orjson
import pytest
from graphql import FieldNode, parse
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import mutations, nodes, queries

from domain.caller import Scope
from domain.instant import instant_text
from gateway.operations.selections import operations_of
from tests.commands import Commands
from tests.company import Company
from tests.gateway.callers.test_tokens import SCHEMA
from tests.security.connections import answers
from tests.security.transports import request_for
from tests.serving import Gateway, serving

# How many documents are generated, and how many connections send them. Generating is slow, so each document is sent by both callers, for each
# verification of the company.
QUERIES, MUTATIONS, AT_ONCE = 150, 50, 16
PERSON = {"firstName": "Canarella", "lastName": "Kanarienvogel"}
DOCUMENT = {"fullName": "Canarella Kanarienvogel", "bornOn": "1990-07-13", "nationalIdentificationNumber": "900123456789012"}
PERSONAL = (*PERSON.values(), *DOCUMENT.values())
UNKNOWN, FRAUD = "CANARY_9999", ("IDVV_2301", "IDVV_2403")
CATALOGUE = {"reasonCodes", "reasonCode"}
PLACES = [f"place{number}" for number in range(5)]
SCALARS = {
    "ID": st.sampled_from(PLACES).map(nodes.String),
    "DateTime": st.datetimes(timezones=st.just(UTC)).map(lambda at: nodes.String(instant_text(at))),
}


@pytest.fixture(scope="module")
async def shared_gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway without a rate limit, because the number of refused operations would depend on the speed of the machine."""
    async with serving(shared_database_uri, rate_cost_per_second=0) as running:
        yield running


def made(kind: st.SearchStrategy[str], number: int) -> list[str]:
    """Generate `number` operation documents. They are the same in every run."""
    documents: list[str] = []

    @settings(max_examples=number, derandomize=True, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(kind)
    def collect(document: str) -> None:
        documents.append(document)

    collect()
    return documents


def with_variables(document: str) -> str:
    """Replace the ids in a document by variables, so that it can be sent for several verifications."""
    kind, opening, rest = document.partition("{")
    used = sorted(set(re.findall("place[0-9]", document)))
    declared = f"({', '.join(f'${place}: ID!' for place in used)})" if used else ""
    return re.sub('"(place[0-9])"', r"$\1", f"{kind.strip() or 'query'}{declared} {opening}{rest}")


async def with_a_history(company: Company) -> list[str]:
    """Create five verifications with all the data that the two callers must not see. Returns their ids."""
    pending, verified, failed, withheld = [await company.created(**PERSON) for _ in range(4)]
    await company.result(verified, "VERIFIED", extractedDocument=DOCUMENT)
    await company.result(verified, "FAILED", FRAUD[0], UNKNOWN)
    await company.result(failed, "FAILED", "IDVV_2101", *FRAUD, UNKNOWN, extractedDocument=DOCUMENT)
    await company.result(withheld, "FAILED", UNKNOWN, extractedDocument=DOCUMENT)
    return [pending, verified, failed, withheld, (await company.retry(failed))["id"]]


def selects_the_catalogue(document: str) -> bool:
    """Whether an operation reads the catalogue of reason codes. The codes in it are not hidden from any caller."""
    [operation] = operations_of(parse(document))
    return any(isinstance(field, FieldNode) and field.name.value in CATALOGUE for field in operation.selection_set.selections)


async def test_no_generated_operation_fails_or_reveals_hidden_data(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    ids = await with_a_history(company)
    reader, follower, before = company.token(Scope.READ), await company.follow_token(ids[-1]), company.kept()
    made_of_schema = made(queries(SCHEMA, custom_scalars=SCALARS), QUERIES) + made(mutations(SCHEMA, custom_scalars=SCALARS), MUTATIONS)
    turns = [dict(zip(PLACES, ids[turn:] + ids[:turn], strict=True)) for turn in range(len(ids))]
    documents = list(map(with_variables, made_of_schema))
    requests = [(token, request_for(document, turn)) for token in (reader, follower) for turn in turns for document in documents]
    secrets = [(*PERSONAL, UNKNOWN, *(() if selects_the_catalogue(document) else FRAUD)) for document in documents]

    with caplog.at_level(logging.INFO):
        found = await answers(company.gateway, requests, AT_ONCE)

    answered = {reader: 0, follower: 0}
    for (token, request), hidden, (status, body) in zip(requests, cycle(secrets), found, strict=False):
        text, data = body.decode(), orjson.loads(body).get("data")
        assert status < 500, request
        assert "INTERNAL_SERVER_ERROR" not in text, (request, text)
        assert not [secret for secret in hidden if secret in text], (request, text)
        assert not (data and request["query"].startswith("mutation")), request
        answered[token] += data is not None
    assert len(found) == len(requests) >= 2000
    assert company.kept() == before
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    # Check that many operations succeed, and that the reader succeeds more often than the follower. If most operations were refused, the test would
    # prove nothing.
    assert answered[reader] > answered[follower] > 0
    assert answered[reader] > len(turns) * QUERIES // 2
