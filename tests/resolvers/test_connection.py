"""Tests lists and statistics of verifications with requests to the API."""

from collections import Counter
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import pytest

from domain.event import Progress
from domain.result import Result
from domain.status import Status
from store.verifications import utc_now
from tests.company import Company
from tests.factories import WINDOWS, a_verification, retried

ROW = "id status reference attempt createdAt updatedAt completedAt reasons { code type }"
LIST = f"""
query($filter: VerificationFilter, $order: VerificationOrder! = CREATED_NEWEST, $first: Int, $after: String, $last: Int, $before: String) {{
  verifications(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {{
    edges {{ cursor node {{ {ROW} }} }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
    totalCount
  }}
}}
"""
STATS = """
query($filter: VerificationFilter) {
  verificationStats(filter: $filter) {
    total billable medianSecondsToResult byStatus { status count } byReason { reason { code } count }
  }
}
"""
ORDERS = {
    "CREATED_NEWEST": ("createdAt", True),
    "CREATED_OLDEST": ("createdAt", False),
    "UPDATED_NEWEST": ("updatedAt", True),
    "UPDATED_OLDEST": ("updatedAt", False),
}

Row = dict[str, Any]


@pytest.fixture
def busy(company: Company) -> Company:
    """A company with verifications of every status, a retry and an opened link.

    The verifications were created in pairs: both of a pair at the same instant, so that lists must order the two by their ids.
    """
    began = utc_now() - timedelta(hours=1)
    kept = [
        a_verification(workspace=company.workspace, at=began + timedelta(seconds=number // 2), reference=f"order-{number % 3}")
        for number in range(11)
    ]
    kept[0] = kept[0].progressed(Progress.LINK_OPENED, WINDOWS, began + timedelta(minutes=59))
    for number, status, *codes in (
        (9, Status.VERIFIED),
        (2, Status.FAILED, "IDVV_2101", "IDVV_1301"),
        (3, Status.FAILED, "IDVV_2301"),
        (4, Status.INCONCLUSIVE, "IDVV_1201"),
        (5, Status.FAILED, "IDVV_1201", "NEW_CODE"),
        (6, Status.VERIFIED),
    ):
        kept[number] = kept[number].concluded(Result.reported(status, codes), began + timedelta(minutes=1, seconds=number // 3))
    kept[2:3] = retried(kept[2], began + timedelta(minutes=2))
    company.keep(*kept)
    return company


async def listed(company: Company, **variables: Any) -> dict[str, Any]:
    """Request a page of the list of verifications. Returns the connection from the response."""
    connection: dict[str, Any] = (await company.ask(LIST, variables))["verifications"]
    return connection


async def all_pages(company: Company, order: str, size: int, end: str, beyond: str, more: str, cursor: str) -> list[dict[str, Any]]:
    """Request all pages of the list, one after the other, from the end that `end` names (`first` or `last`).

    `beyond`: the argument for the next page (`after` or `before`). `more` and `cursor`: the fields of `pageInfo` that say whether there is a next
    page, and where it begins.
    """
    pages = [await listed(company, order=order, **{end: size})]
    while pages[-1]["pageInfo"][more]:
        pages.append(await listed(company, order=order, **{end: size, beyond: pages[-1]["pageInfo"][cursor]}))
    return pages


async def rows(company: Company, **variables: Any) -> list[Row]:
    """Request a page of the list. Returns its verifications."""
    return [edge["node"] for edge in (await listed(company, **variables))["edges"]]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("order", ORDERS)
async def test_each_order_sorts_by_its_instant_and_then_by_id(busy: Company, order: str) -> None:
    key, newest = ORDERS[order]

    found = await rows(busy, order=order)

    assert len(found) == 12
    assert found == sorted(found, key=lambda row: (instant(row[key]), row["id"]), reverse=newest)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [1, 5, 12, 100])
async def test_pages_from_either_end_add_up_to_the_whole_list(busy: Company, order: str, size: int) -> None:
    whole = await listed(busy, order=order)

    forward = await all_pages(busy, order, size, "first", "after", "hasNextPage", "endCursor")
    backward = await all_pages(busy, order, size, "last", "before", "hasPreviousPage", "startCursor")

    assert [edge for page in forward for edge in page["edges"]] == whole["edges"]
    assert [edge for page in reversed(backward) for edge in page["edges"]] == whole["edges"]
    assert [page["pageInfo"]["hasPreviousPage"] for page in forward] == [False] + [True] * (len(forward) - 1)
    assert [page["pageInfo"]["hasNextPage"] for page in backward] == [False] + [True] * (len(backward) - 1)
    assert not whole["pageInfo"]["hasNextPage"]
    assert not whole["pageInfo"]["hasPreviousPage"]
    assert (whole["pageInfo"]["startCursor"], whole["pageInfo"]["endCursor"]) == (whole["edges"][0]["cursor"], whole["edges"][-1]["cursor"])


async def test_after_and_before_together_select_the_rows_between_two_cursors(busy: Company) -> None:
    whole = (await listed(busy))["edges"]

    between = await listed(busy, after=whole[2]["cursor"], before=whole[7]["cursor"])
    ends = [await listed(busy, after=whole[2]["cursor"], before=whole[7]["cursor"], **{end: 2}) for end in ("first", "last")]

    assert between["edges"] == whole[3:7]
    assert [page["edges"] for page in ends] == [whole[3:5], whole[5:7]]
    assert {page["totalCount"] for page in [between, *ends]} == {12}


async def test_an_empty_page_has_no_cursors(company: Company) -> None:
    page = await listed(company)

    assert page == {
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
        "totalCount": 0,
    }


async def test_a_page_has_fifty_rows_by_default_and_the_total_counts_all(company: Company) -> None:
    company.keep(*(a_verification(workspace=company.workspace, at=utc_now()) for _ in range(51)))

    page = await listed(company)

    assert (len(page["edges"]), page["totalCount"], page["pageInfo"]["hasNextPage"]) == (50, 51, True)


def has(row: Row, key: str, wanted: list[str]) -> bool:
    return not {reason[key] for reason in row["reasons"]}.isdisjoint(wanted)


FILTERS: list[tuple[dict[str, Any], Any]] = [
    ({}, lambda row: True),
    ({"status": ["FAILED"]}, lambda row: row["status"] == "FAILED"),
    ({"status": ["PENDING", "VERIFIED"]}, lambda row: row["status"] in ("PENDING", "VERIFIED")),
    ({"status": []}, lambda row: False),
    ({"reasonCode": ["IDVV_1201"]}, lambda row: has(row, "code", ["IDVV_1201"])),
    ({"reasonCode": ["IDVV_1301", "NEW_CODE", "IDVV_9"]}, lambda row: has(row, "code", ["IDVV_1301", "NEW_CODE"])),
    ({"reasonCode": []}, lambda row: False),
    ({"reasonType": ["TECHNICAL_ISSUE"]}, lambda row: has(row, "type", ["TECHNICAL_ISSUE"])),
    ({"reasonType": ["UNKNOWN"]}, lambda row: has(row, "type", ["UNKNOWN"])),
    ({"reasonType": ["UNKNOWN", "IDENTITY_FRAUD"]}, lambda row: has(row, "type", ["UNKNOWN", "IDENTITY_FRAUD"])),
    ({"reasonType": []}, lambda row: False),
    ({"reference": "order-1"}, lambda row: row["reference"] == "order-1"),
    ({"reference": "order"}, lambda row: False),
    ({"firstAttemptsOnly": True}, lambda row: row["attempt"] == 1),
    ({"firstAttemptsOnly": False}, lambda row: True),
    ({"firstAttemptsOnly": None, "status": None, "reference": None}, lambda row: True),
    (
        {"status": ["FAILED"], "reasonType": ["DOCUMENT_ISSUE", "TECHNICAL_ISSUE"], "reference": "order-2"},
        lambda row: row["status"] == "FAILED" and has(row, "type", ["DOCUMENT_ISSUE", "TECHNICAL_ISSUE"]) and row["reference"] == "order-2",
    ),
]


async def test_a_filter_lists_and_counts_the_verifications_that_meet_all_its_conditions(busy: Company) -> None:
    every = await rows(busy)

    for filter, meets in FILTERS:
        page = await listed(busy, filter=filter)
        stats = (await busy.ask(STATS, {"filter": filter}))["verificationStats"]

        assert [edge["node"] for edge in page["edges"]] == [row for row in every if meets(row)], filter
        assert page["totalCount"] == stats["total"] == len(page["edges"])


async def test_created_after_is_inclusive_and_created_before_is_exclusive(busy: Company) -> None:
    every = await rows(busy, order="CREATED_OLDEST")
    third, ninth = every[2]["createdAt"], every[8]["createdAt"]

    found = await rows(busy, order="CREATED_OLDEST", filter={"createdAfter": third, "createdBefore": ninth})

    assert found == [row for row in every if instant(third) <= instant(row["createdAt"]) < instant(ninth)]


async def test_the_same_local_time_in_another_time_zone_is_another_instant(busy: Company) -> None:
    [newest, *_] = await rows(busy)
    here = instant(newest["createdAt"])
    elsewhere = f"{here.replace(tzinfo=None).isoformat()}+05:30"

    assert await rows(busy, filter={"createdAfter": here.isoformat().replace("+00:00", "Z")}) == [newest]
    assert len(await rows(busy, filter={"createdAfter": elsewhere})) == 12


async def test_statistics_count_the_rows_of_the_list(busy: Company) -> None:
    every = await rows(busy)

    stats = (await busy.ask(STATS))["verificationStats"]

    statuses, reasons = Counter(row["status"] for row in every), Counter(reason["code"] for row in every for reason in row["reasons"])
    seconds = [(instant(row["completedAt"]) - instant(row["createdAt"])).total_seconds() for row in every if row["completedAt"]]
    assert stats["total"] == 12
    assert [(row["status"], row["count"]) for row in stats["byStatus"]] == [
        (status, statuses[status]) for status in ("PENDING", "INCONCLUSIVE", "VERIFIED", "FAILED")
    ]
    assert [(row["reason"]["code"], row["count"]) for row in stats["byReason"]] == sorted(reasons.items(), key=lambda row: (-row[1], row[0]))
    assert stats["billable"] == 5
    assert stats["medianSecondsToResult"] == pytest.approx(median(seconds))


async def test_statistics_without_verifications_are_zero(company: Company) -> None:
    stats = (await company.ask(STATS))["verificationStats"]

    assert stats == {
        "total": 0,
        "billable": 0,
        "medianSecondsToResult": None,
        "byStatus": [{"status": status, "count": 0} for status in ("PENDING", "INCONCLUSIVE", "VERIFIED", "FAILED")],
        "byReason": [],
    }


async def test_another_company_lists_and_counts_only_its_own_verifications(busy: Company, stranger: Company) -> None:
    own = await stranger.created()
    cursor = (await listed(busy, first=1))["pageInfo"]["endCursor"]

    page = await listed(stranger)
    after = await listed(stranger, after=cursor, order="CREATED_NEWEST")
    stats = (await stranger.ask(STATS))["verificationStats"]

    assert [edge["node"]["id"] for edge in page["edges"]] == [own]
    assert after["edges"] == []
    assert stats["total"] == page["totalCount"] == after["totalCount"] == 1
