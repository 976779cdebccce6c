"""Clients send operations that are made to overload the gateway. Cases S11, S12 and S13 in tests/security/README.md.

The tests of each limit are in tests/gateway/operations/test_limits.py and test_cost.py. Those of the rate are in tests/gateway/callers/test_rate.py.
"""

from datetime import timedelta
from itertools import cycle, islice
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from domain.caller import Scope
from store.indexes import VERIFICATIONS
from tests.commands import Commands
from tests.company import Company
from tests.gateway.operations.test_limits import INVALID, REFUSED
from tests.security.transports import EVENT_STREAM, FOR_MUTATIONS, FOR_QUERIES, Request, codes, request_for
from tests.serving import serving
from tests.wire import wired

COMPLEX, NOT_VALID, WRONG = "QUERY_TOO_COMPLEX", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"
LIST = "query($first: Int, $last: Int) { verifications(first: $first, last: $last) { totalCount edges { node { id attempts { id } } } } }"
DEEP = "attempts { nextAttempt { attempts { previousAttempt { attempts { id } } } } }"
PAGES = " ".join(f"p{number}: verifications(first: 100) {{ edges {{ node {{ id events {{ version }} }} }} }}" for number in range(20))
SKIPPED = " ".join(f"s{number}: verificationStats @skip(if: true) {{ total }}" for number in range(40))


def about(levels: int, leaf: str = "id") -> str:
    """A selection that goes from an attempt to the next one and back, `levels` times: a short text for a large answer."""
    return "nextAttempt { previousAttempt { " * levels + leaf + " } }" * levels


# Requests whose documents are within the limits of size, but whose answers would be too large, each with the code of the expected error.
AMPLIFIED: dict[str, tuple[Request, str]] = {
    "a page of a million": (request_for(LIST, {"first": 10**6}), WRONG),
    "a page of a million from the end": (request_for(LIST, {"last": 10**6}), WRONG),
    "a page that is too long for a number": (request_for(LIST, {"first": 2**40}), WRONG),
    "attempts of attempts of a page": (request_for(f"{{ verifications(first: 100) {{ edges {{ node {{ {DEEP} }} }} }} }}"), COMPLEX),
    "attempts of attempts of one": (request_for(f'{{ verification(id: "ver_0") {{ {"attempts { " * 6} id {"} " * 6} }} }}'), COMPLEX),
    "neighbours of neighbours of a page": (
        request_for(f"{{ verifications(first: 100) {{ edges {{ node {{ attempts {{ {about(4)} }} }} }} }} }}"),
        COMPLEX,
    ),
    "twenty pages": (request_for(f"{{ {PAGES} }}"), COMPLEX),
    "twenty pages in a fragment": (request_for(f"{{ ...F }} fragment F on Query {{ {PAGES} }}"), COMPLEX),
    "forty statistics": (request_for("{" + " ".join(f"s{number}: verificationStats {{ total }}" for number in range(40)) + "}"), COMPLEX),
    "forty statistics that are skipped": (request_for("{" + SKIPPED + "}"), COMPLEX),
    "15,000 codes": (
        request_for("query($f: VerificationFilter) { verificationStats(filter: $f) { total } }", {"f": {"reasonCode": ["A"] * 15_000}}),
        COMPLEX,
    ),
    "variables of variables": (
        request_for("query($f: VerificationFilter) { verificationStats(filter: $f) { total } }", {"f": {"a": [[[["x"]]]] * 500}}),
        COMPLEX,
    ),
}
HOSTILE: dict[str, tuple[Request, str]] = {
    **{what: (request_for(query), COMPLEX) for what, (query, _) in REFUSED.items()},
    **{what: (request_for(query), NOT_VALID) for what, query in INVALID.items()},
    **AMPLIFIED,
}
# The longest request that the test sends over a transport. Longer URLs and messages are refused before they are parsed.
MAX_CHARACTERS = {"GET": 8000, "WebSocket": 60_000}


@pytest.mark.parametrize("way", FOR_QUERIES)
async def test_no_hostile_document_reaches_the_database(company: Company, commands: Commands, way: str) -> None:
    transport = FOR_QUERIES[way]
    tried = 0
    with commands.sent(company.collection.database.name) as sent:
        for what, (request, code) in HOSTILE.items():
            if len(repr(request)) < MAX_CHARACTERS.get(way, 2_000_000):
                # Each request comes from a different subject. Otherwise, the first requests would use up the rate, and the rest would be refused
                # for this reason.
                token = company.gateway.tokens.token(what, company.workspace, [Scope.READ], timedelta(hours=1))
                assert codes(await transport(company.gateway, token, request)) == {code}, what
                tried += 1

        assert [command for command in sent if company.workspace in repr(command)] == []
    assert tried > len(HOSTILE) // 2


CREATION = 'createVerification(input: { firstName: "A", lastName: "B", redirectionUrl: "https://shop.example" }) { __typename }'


@pytest.mark.parametrize("accepted", [{}, EVENT_STREAM], ids=["JSON", "event stream"])
async def test_several_operations_in_one_request_are_refused(company: Company, accepted: dict[str, str]) -> None:
    bearer = {"authorization": f"Bearer {company.token()}", **accepted}

    for batch in (
        [request_for("{ me { subject } }")] * 2,
        [request_for(f"mutation {{ {CREATION} }}")] * 100,
        [[request_for(f"mutation {{ {CREATION} }}")]],
    ):
        response = await company.gateway.client.post("/graphql", json=batch, headers=bearer)
        assert (response.status_code, codes([response.json()])) == (400, {"BAD_REQUEST"})
    assert company.kept() == []


async def test_several_operations_in_one_message_close_the_socket(company: Company) -> None:
    request = request_for(f"mutation {{ {CREATION} }}")
    for message in ([{"type": "subscribe", "id": "1", "payload": request}] * 2, {"type": "subscribe", "id": "1", "payload": [request] * 2}):
        async with wired(company.gateway, company.token()) as wire:
            await wire.send(message)
            assert await wire.closed() == 4400
    assert company.kept() == []


async def test_each_aliased_mutation_is_charged_over_every_transport(database_uri: str, mongo: MongoClient[dict[str, Any]]) -> None:
    """An attacker who guesses values could try to evade the rate with ten mutations in each request, and with different transports.

    Each mutation must be charged, and all transports must share one bucket.
    """
    ten = request_for("mutation {" + " ".join(f"a{number}: {CREATION}" for number in range(10)) + "}")
    async with serving(database_uri, rate_cost_per_second=0.001, rate_burst_cost=600) as gateway:
        refusals = [codes(await transport(gateway, gateway.token(), ten)) for transport in islice(cycle(FOR_MUTATIONS.values()), 30)]

    assert refusals == [set()] * 3 + [{"RATE_LIMITED"}] * 27
    assert mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS].count_documents({}) == 30
