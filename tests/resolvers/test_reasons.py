"""Tests the field `guidance` of reason codes: a text for the individual, in the language that the client requests."""

import pytest

from domain.guidance.texts import GUIDANCE
from domain.reasons import CATALOGUE
from tests.company import Company
from tests.wire import following

CATALOGUE_QUERY = "query($locale: String!) { reasonCodes { code internal guidance(locale: $locale) } }"
OF_A_VERIFICATION = """
query($id: ID!, $locale: String!) {
  verification(id: $id) { reasons { code guidance french: guidance(locale: $locale) } events { reasons { guidance(locale: "de-CH") } } }
}
"""


@pytest.mark.parametrize(("locale", "language"), [("en", "en"), ("fr-CA", "fr"), ("de_AT", "de"), ("ES", "es"), ("it", "it"), ("nl", "en")])
async def test_the_catalogue_has_the_guidance_in_each_language(company: Company, locale: str, language: str) -> None:
    rows = (await company.ask(CATALOGUE_QUERY, {"locale": locale}))["reasonCodes"]

    assert {row["code"]: row["guidance"] for row in rows} == {code: GUIDANCE[language].get(code) for code in CATALOGUE}
    assert all((row["guidance"] is None) == row["internal"] for row in rows)


async def test_the_reasons_of_a_verification_have_the_guidance_in_several_languages_at_once(company: Company) -> None:
    id = await company.created()
    await company.result(id, "FAILED", "IDVV_1302", "IDVV_2301", "NEW_CODE")

    found = (await company.ask(OF_A_VERIFICATION, {"id": id, "locale": "fr"}))["verification"]

    assert found["reasons"] == [
        {"code": "IDVV_1302", "guidance": GUIDANCE["en"]["IDVV_1302"], "french": GUIDANCE["fr"]["IDVV_1302"]},
        {"code": "IDVV_2301", "guidance": None, "french": None},
        {"code": "NEW_CODE", "guidance": None, "french": None},
    ]
    assert found["events"][-1]["reasons"] == [{"guidance": GUIDANCE["de"]["IDVV_1302"]}, {"guidance": None}, {"guidance": None}]


async def test_a_follower_reads_the_guidance(company: Company) -> None:
    id = await company.created()
    await company.result(id, "FAILED", "IDVV_1302", "IDVV_2301")

    found = (await company.ask(OF_A_VERIFICATION, {"id": id, "locale": "fr"}, await company.follow_token(id)))["verification"]

    assert [reason["french"] for reason in found["reasons"]] == [GUIDANCE["fr"]["IDVV_1302"]]


async def test_subscribers_with_different_locales_receive_their_own_texts(company: Company) -> None:
    id = await company.created()
    query = "subscription($id: ID!, $locale: String!) { verificationUpdated(id: $id) { verification { reasons { guidance(locale: $locale) } } } }"
    received = []

    async with (
        following(company.gateway, company.token(), query, {"id": id, "locale": "fr"}) as french,
        following(company.gateway, company.token(), query, {"id": id, "locale": "de"}) as german,
    ):
        for subscriber in (french, german):
            await subscriber.response()
        await company.result(id, "FAILED", "IDVV_1302")
        for subscriber in (french, german):
            received.append((await subscriber.response())["data"]["verificationUpdated"]["verification"]["reasons"][0]["guidance"])

    assert received == [GUIDANCE["fr"]["IDVV_1302"], GUIDANCE["de"]["IDVV_1302"]]
