"""Personal data that can't be decrypted: the field that shows them is null, with an error. Nothing else is affected."""

import logging
from typing import Any

import pytest

from tests.company import CAPTURE_STARTED, Company
from tests.wire import following

ROW = "id status declaredIdentity { firstName lastName } extractedDocument { fullName }"
READ = f"query($id: ID!) {{ verification(id: $id) {{ {ROW} }} }}"
LIST = f"{{ verifications(orderBy: CREATED_OLDEST) {{ edges {{ node {{ {ROW} }} }} }} }}"
UPDATED = f"subscription($id: ID!) {{ verificationUpdated(id: $id) {{ verification {{ version {ROW} }} }} }}"
WITHOUT = "query($id: ID!) { verification(id: $id) { id status } }"
NAMES = {"firstName": "Jeanne", "lastName": "Moreau"}


async def verified(company: Company) -> str:
    """Create a verification and report the result "verified" with an identity document. Returns the verification's id."""
    id = await company.created()
    await company.result(id, "VERIFIED", extractedDocument={"fullName": "Jeanne Moreau"})
    return id


def spoil(company: Company, id: str, **changed: Any) -> None:
    """Change fields of a verification in the database, so that its personal data can't be decrypted. `a_b` names the field `a.b`."""
    company.collection.update_one({"_id": id}, {"$set": {name.replace("_", "."): value for name, value in changed.items()}})


def unreadable(answer: dict[str, Any]) -> list[list[object]]:
    """The paths of the errors in a response. Checks that all errors are about personal data that can't be read."""
    for error in answer["errors"]:
        assert error["extensions"] == {"code": "BAD_DOCUMENT"}
        assert not any(name in repr(error) for name in NAMES.values())
    return [error["path"] for error in answer["errors"]]


async def test_a_missing_key_nulls_only_its_field_and_is_logged_once(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    id = await verified(company)
    spoil(company, id, declared_key="lost-2025")

    with caplog.at_level(logging.INFO):
        answer = await company.answer(READ, {"id": id})
        again = await company.answer(READ, {"id": id})

    assert again == answer
    assert unreadable(answer) == [["verification", "declaredIdentity"]]
    assert answer["data"]["verification"] == {
        "id": id,
        "status": "VERIFIED",
        "declaredIdentity": None,
        "extractedDocument": {"fullName": "Jeanne Moreau"},
    }
    assert [error["message"] for error in answer["errors"]] == [f"declared of {id} can't be read by this release"]
    assert caplog.messages.count(f"declared of verification {id} can't be opened with the key lost-2025 (KeyError)") == 1
    assert "Jeanne" not in repr([vars(record) for record in caplog.records])


async def test_personal_data_copied_from_another_verification_or_field_are_not_shown(company: Company, stranger: Company) -> None:
    mine, theirs = await verified(company), await verified(stranger)
    another = await verified(company)
    [[hers], [kept]] = [[row for row in place.kept() if row["_id"] == id] for place, id in ((stranger, theirs), (company, another))]

    for moved in ({"declared": hers["declared"]}, {"declared": kept["declared"]}, {"declared": kept["extracted"]}):
        spoil(company, mine, **moved)
        assert unreadable(await company.answer(READ, {"id": mine})) == [["verification", "declaredIdentity"]]


async def test_the_other_rows_of_a_page_are_complete(company: Company) -> None:
    first, spoiled, last = [await verified(company) for _ in range(3)]
    spoil(company, spoiled, extracted_data=b"x" * 144)

    answer = await company.answer(LIST)

    rows = [edge["node"] for edge in answer["data"]["verifications"]["edges"]]
    assert unreadable(answer) == [["verifications", "edges", 1, "node", "extractedDocument"]]
    assert [row["id"] for row in rows] == [first, spoiled, last]
    assert [row["declaredIdentity"] for row in rows] == [NAMES] * 3
    assert [row["extractedDocument"] and row["extractedDocument"]["fullName"] for row in rows] == ["Jeanne Moreau", None, "Jeanne Moreau"]


async def test_a_query_without_personal_data_has_no_error(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    id = await verified(company)
    spoil(company, id, declared=7, extracted_key="lost")

    with caplog.at_level(logging.INFO):
        assert await company.ask(WITHOUT, {"id": id}) == {"verification": {"id": id, "status": "VERIFIED"}}

    assert not any("opened" in message for message in caplog.messages)


async def test_a_verification_with_unreadable_names_can_still_be_followed_and_changed(company: Company) -> None:
    id = await company.created()
    spoil(company, id, declared_key="lost")

    async with following(company.gateway, company.token(), UPDATED, {"id": id}) as updates:
        messages = [await updates.response()]
        await company.progress(id, CAPTURE_STARTED)
        messages.append(await updates.response())
        await company.result(id, "FAILED", "IDVV_2101")
        messages.append(await updates.response())
    retry = await company.retry(id, firstName="Jeanne", lastName="Moreau")
    anonymized = await company.anonymize(id)

    assert [unreadable(message) for message in messages] == [[["verificationUpdated", "verification", "declaredIdentity"]]] * 3
    assert messages[-1]["data"]["verificationUpdated"]["verification"]["status"] == "FAILED"
    assert retry["attempt"] == 2
    assert anonymized["status"] == "FAILED"
    assert (await company.ask(READ, {"id": id}))["verification"]["declaredIdentity"] is None


async def test_a_retry_that_needs_unreadable_names_is_refused(company: Company) -> None:
    id = await company.created()
    await company.result(id, "FAILED", "IDVV_2101")
    spoil(company, id, declared_key="lost")

    refusal = await company.retry(id, firstName="Jeanne")

    assert refusal == {"__typename": "Refusal", "code": "CONFLICT", "message": f"declared of {id} can't be read by this release", "field": None}
    assert len(company.kept()) == 1
