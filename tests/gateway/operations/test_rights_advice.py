"""The advice on a retry, for callers with and without the scope `verification:sensitive`.

To callers without it, nothing may reveal that a reason is withheld.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations, count, pairwise
from typing import Any

import pytest

from domain.caller import Scope
from domain.reasons import CATALOGUE
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from tests.company import Company
from tests.factories import NOON, PASSPORT, a_verification, an_id
from tests.storing import encode
from tests.wire import following

READ, WRITE, REPORT, SENSITIVE = Scope.READ, Scope.WRITE, Scope.REPORT, Scope.SENSITIVE
INTERNAL = [code for code, reason in CATALOGUE.items() if reason.internal]
# Codes that are added to the visible reasons of a verification. They are withheld from callers without the scope. Providers may send any code with
# any status.
WITHHELD = [*((code,) for code in INTERNAL), ("NEW_CODE",), ("IDVV_2301", "NEW_CODE"), (*INTERNAL, "A", "B")]
subjects = count()
REASON = "code known type statuses description retryAdvice internal guidance"
WHOLE = f"""
  id workspaceId reference status phase reasons {{ {REASON} }} recommendedAction billable canRetry retryAdvice verificationUrl redirectionUrl
  faceRecognition createdAt updatedAt expiresAt openedAt linkExpiresAt completedAt anonymizedAt declaredIdentity {{ firstName }}
  extractedDocument {{ fullName }} attempt version
  events {{ version type actor at fromStatus toStatus reasons {{ {REASON} }} note }}
"""
LIST = f"{{ verifications(first: 100, orderBy: CREATED_OLDEST) {{ totalCount edges {{ cursor node {{ {WHOLE} nextAttempt {{ id }} }} }} }} %s }}"
CODES = "{ verifications(first: 100) { edges { node { reasons { code } } } } }"
STATISTICS = f"verificationStats {{ total billable byStatus {{ status count }} byReason {{ count reason {{ {REASON} }} }} medianSecondsToResult }}"
CATALOGUE_QUERY = f'reasonCodes {{ {REASON} }} reasonCode(code: "IDVV_2301") {{ {REASON} }}'
# The gateway has two executors. graphql-core executes operations that select introspection (`__schema`); the compiler's plan executes all others.
QUERIES = {
    "compiled": LIST % f"{STATISTICS} {CATALOGUE_QUERY}",
    "graphql-core": LIST % f'{STATISTICS} {CATALOGUE_QUERY} __type(name: "Caller") {{ name }}',
}


def sets_of_visible_reasons(status: Status) -> list[tuple[str, ...]]:
    """Sets of codes that are not internal: no code, each code alone, and each code with the code that follows it in the catalogue.

    For INCONCLUSIVE also each pair of three codes that the individual or the individual's device causes (`BUTTONS` in domain/reasons.py).
    """
    codes = [code for code, reason in CATALOGUE.items() if not reason.internal and status in reason.statuses]
    buttons = combinations(["IDVV_1111", "IDVV_1203", "IDVV_3001"], 2) if status is Status.INCONCLUSIVE else []
    return [(), *((code,) for code in codes), *pairwise(codes), *buttons]


VISIBLE = [(status, codes) for status in (Status.FAILED, Status.INCONCLUSIVE) for codes in sets_of_visible_reasons(status)]


def verifications(company: Company, ids: list[str], withheld: tuple[str, ...], place: int) -> Iterator[Verification]:
    """One verification for each set of reasons in VISIBLE. Each also has the withheld reasons, inserted at the index `place` of its reasons."""
    for id, (status, codes) in zip(ids, VISIBLE, strict=True):
        at = min(place, len(codes))
        result = Result(status, (*codes[:at], *withheld, *codes[at:]), PASSPORT)
        yield a_verification(id=id, workspace=company.workspace).concluded(result, NOON)


def replace_all(company: Company, kept: Iterator[Verification]) -> None:
    company.collection.delete_many({"workspace": company.workspace})
    company.collection.insert_many([encode(each) for each in kept])


def new_token(company: Company, *scopes: Scope) -> str:
    """A token of a new subject, so that the rate of one caller does not limit the many large requests."""
    return company.gateway.tokens.token(f"tester-{next(subjects)}", company.workspace, list(scopes), timedelta(hours=1))


async def content(company: Company, query: str, token: str, variables: dict[str, Any] | None = None) -> bytes:
    return (await company.gateway.post(query, variables, token)).content


@pytest.mark.parametrize("executor", QUERIES)
@pytest.mark.parametrize("scopes", [(READ,), (READ, WRITE, REPORT)], ids=lambda scopes: "+".join(scope.name.lower() for scope in scopes))
async def test_a_response_is_the_same_whether_or_not_a_reason_is_withheld(company: Company, scopes: tuple[Scope, ...], executor: str) -> None:
    ids, query = [an_id() for _ in VISIBLE], QUERIES[executor]
    replace_all(company, verifications(company, ids, (), 0))
    expected = await content(company, query, new_token(company, *scopes))
    shown = await content(company, CODES, new_token(company, READ, SENSITIVE))

    for place, withheld in enumerate(WITHHELD):
        replace_all(company, verifications(company, ids, withheld, place % 3))

        assert await content(company, query, new_token(company, *scopes)) == expected, withheld
        # Check the test itself: for a caller with the scope, the verifications do differ.
        assert await content(company, CODES, new_token(company, READ, SENSITIVE)) != shown

    assert expected.count(b'"retryAdvice":"OFFER_ALTERNATIVE"') > len(VISIBLE)


async def test_the_executors_agree_on_the_advice_for_every_caller(company: Company) -> None:
    ids = [an_id() for _ in VISIBLE]
    replace_all(company, verifications(company, ids, ("IDVV_2403", "NEW_CODE"), 1))

    for scopes in ((READ,), (READ, SENSITIVE)):
        compiled, interpreted = [(await company.answer(query, token=company.token(*scopes)))["data"] for query in QUERIES.values()]

        assert interpreted.pop("__type") == {"name": "Caller"}
        assert compiled == interpreted


async def test_a_follower_receives_the_same_whether_or_not_a_reason_is_withheld(company: Company) -> None:
    ids = [an_id() for _ in VISIBLE]
    replace_all(company, verifications(company, ids, (), 0))
    chosen = ids[::7]
    tokens = {id: await company.follow_token(id) for id in chosen}
    query = f"query($id: ID!) {{ verification(id: $id) {{ {WHOLE} }} node(id: $id) {{ ... on Verification {{ {WHOLE} }} }} }}"
    update = f"verification {{ {WHOLE} }} events {{ actor reasons {{ {REASON} }} }}"
    live = f"subscription($id: ID!) {{ verificationUpdated(id: $id, after: 0) {{ {update} }} }}"

    async def received(id: str) -> tuple[bytes, dict[str, Any]]:
        async with following(company.gateway, tokens[id], live, {"id": id}) as updates:
            return await content(company, query, tokens[id], {"id": id}), await updates.response()

    expected = {id: await received(id) for id in chosen}
    for withheld in (("IDVV_2301",), ("NEW_CODE",), ("IDVV_2402", "NEW_CODE")):
        replace_all(company, verifications(company, ids, withheld, 1))

        assert {id: await received(id) for id in chosen} == expected


SMALL = "status retryAdvice reasons { code retryAdvice } events { reasons { code retryAdvice } }"


async def test_subscribers_of_one_verification_receive_the_advice_of_their_own_scopes(company: Company) -> None:
    id = await company.created()
    query = f"subscription($id: ID!) {{ verificationUpdated(id: $id) {{ verification {{ {SMALL} }} }} }}"
    received = []

    async with (
        following(company.gateway, company.token(READ, SENSITIVE), query, {"id": id}) as sensitive,
        following(company.gateway, company.token(READ), query, {"id": id}) as reader,
        following(company.gateway, await company.follow_token(id), query, {"id": id}) as follower,
    ):
        subscribers = (sensitive, reader, follower)
        for subscriber in subscribers:
            await subscriber.response()
        await company.result(id, "FAILED", "IDVV_1301", "IDVV_2101", "IDVV_2301")
        for subscriber in subscribers:
            received.append((await subscriber.response())["data"]["verificationUpdated"]["verification"])

    own = [("IDVV_1301", "RETRY_NOW"), ("IDVV_2101", "RETRY_OTHER_DOCUMENT"), ("IDVV_2301", "DO_NOT_RETRY")]
    disclosed = [("IDVV_1301", "OFFER_ALTERNATIVE"), ("IDVV_2101", "OFFER_ALTERNATIVE")]
    assert [each["retryAdvice"] for each in received] == ["DO_NOT_RETRY", "OFFER_ALTERNATIVE", "OFFER_ALTERNATIVE"]
    for each, expected in zip(received, (own, disclosed, disclosed), strict=True):
        assert [(reason["code"], reason["retryAdvice"]) for reason in each["reasons"]] == expected
        assert each["events"][-1]["reasons"] == each["reasons"]


async def test_one_response_has_the_advice_of_each_outcome_for_the_same_code(company: Company) -> None:
    codes = ("IDVV_1201", "NEW_CODE")
    company.keep(
        *(a_verification(workspace=company.workspace).concluded(Result(status, codes), NOON) for status in (Status.FAILED, Status.INCONCLUSIVE))
    )
    query = f'{{ verifications(orderBy: CREATED_OLDEST) {{ edges {{ node {{ {SMALL} }} }} }} reasonCode(code: "IDVV_1201") {{ code retryAdvice }} }}'
    seen = {}

    for scopes in ((READ, SENSITIVE), (READ,)):
        answer = await company.ask(query, token=company.token(*scopes))
        nodes = [edge["node"] for edge in answer["verifications"]["edges"]]
        assert all(node["events"][-1]["reasons"] == node["reasons"] for node in nodes)
        assert answer["reasonCode"]["retryAdvice"] == "RETRY_OTHER_DEVICE"
        seen[scopes] = {node["status"]: [reason["retryAdvice"] for reason in node["reasons"]] for node in nodes}

    assert seen[READ, SENSITIVE] == {"FAILED": ["RETRY_OTHER_DEVICE", "OFFER_ALTERNATIVE"], "INCONCLUSIVE": ["RETRY_OTHER_DEVICE", "RETRY_NOW"]}
    assert seen[READ,] == {"FAILED": ["OFFER_ALTERNATIVE"], "INCONCLUSIVE": ["RETRY_OTHER_DEVICE"]}


@pytest.mark.parametrize(
    ("status", "codes", "advice", "disclosed"),
    [
        ("VERIFIED", [], None, None),
        ("FAILED", ["IDVV_1301"], "RETRY_NOW", "OFFER_ALTERNATIVE"),
        ("FAILED", ["IDVV_1301", "IDVV_2101"], "RETRY_OTHER_DOCUMENT", "OFFER_ALTERNATIVE"),
        ("FAILED", ["IDVV_1301", "NEW_CODE"], "OFFER_ALTERNATIVE", "OFFER_ALTERNATIVE"),
        ("FAILED", ["IDVV_1301", "IDVV_2403"], "DO_NOT_RETRY", "OFFER_ALTERNATIVE"),
        ("FAILED", ["IDVV_1201"], "RETRY_OTHER_DEVICE", "OFFER_ALTERNATIVE"),
        ("INCONCLUSIVE", ["IDVV_1201"], "RETRY_OTHER_DEVICE", "RETRY_OTHER_DEVICE"),
        ("INCONCLUSIVE", ["IDVV_1314", "NEW_CODE"], "RETRY_NOW", "RETRY_NOW"),
        ("INCONCLUSIVE", ["IDVV_3001", "IDVV_1203"], "OFFER_ALTERNATIVE", "OFFER_ALTERNATIVE"),
    ],
)
async def test_a_verification_has_one_advice_over_all_its_reasons(
    company: Company, status: str, codes: list[str], advice: str | None, disclosed: str | None
) -> None:
    id = await company.created()
    query = "query($id: ID!) { verification(id: $id) { retryAdvice } }"
    before = await company.ask(query, {"id": id})
    await company.result(id, status, *codes)

    answers = [await company.ask(query, {"id": id}, company.token(*scopes)) for scopes in ((READ, SENSITIVE), (READ,))]
    answers += [await company.ask(query, {"id": id}, await company.follow_token(id))]

    assert before == {"verification": {"retryAdvice": None}}
    assert [answer["verification"]["retryAdvice"] for answer in answers] == [advice, disclosed, disclosed]


async def test_the_catalogue_has_the_same_advice_for_every_caller(company: Company) -> None:
    id = await company.created()
    query = '{ reasonCodes { code retryAdvice } reasonCode(code: "IDVV_2301") { retryAdvice } }'
    tokens = [company.token(READ), company.token(READ, SENSITIVE), await company.follow_token(id)]

    answers = [await company.ask(query, token=token) for token in tokens]

    assert answers[0] == answers[1] == answers[2]
    assert {row["code"]: row["retryAdvice"] for row in answers[0]["reasonCodes"]} == {
        code: reason.retry_advice.name for code, reason in CATALOGUE.items()
    }
