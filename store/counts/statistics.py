"""Reads the statistics of verifications: counts by status, reason and day, and the median time from the creation to the result."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.errors import OperationFailure

from domain.event import Actor, EventType
from domain.filter import Filter
from domain.reasons import explained
from domain.statistics import MAX_DAYS, DayCount, ReasonCount, StatusCount, VerificationStats
from domain.status import Status
from store.driver import Collection, Document, aggregate, answering
from store.query import selecting

DURATION = {"$subtract": ["$completedAt", "$createdAt"]}
# Expressions with checks, for damaged documents: `$filter` fails if the events are not a list, and `$subtract` if a value is not a date. The checks
# make the aggregation 5 % slower, so they are used only after it has failed without them.
LISTED = {"$cond": [{"$isArray": "$events"}, "$events", []]}
DATES = {"$and": [{"$eq": [{"$type": "$completedAt"}, "date"]}, {"$eq": [{"$type": "$createdAt"}, "date"]}]}
CHECKED_DURATION = {"$cond": [DATES, DURATION, None]}
# 1 if the provider charges for a verification although the integrator closed it, because the provider's verdict arrived after the close; otherwise 0.
CHARGED_AFTER_CLOSE = {"$cond": [{"$in": ["$ignoredVerdict", [status.value for status in Status if status.billable]]}, 1, 0]}
DAY = {"$dateTrunc": {"date": "$createdAt", "unit": "day"}}
CHECKED_DAY = {"$cond": [{"$eq": [{"$type": "$createdAt"}, "date"]}, DAY, None]}
MIDDLE = {"$in": ["$row", [{"$ceil": {"$divide": ["$rows", 2]}}, {"$add": [{"$floor": {"$divide": ["$rows", 2]}}, 1]}]]}


# Computes the median without $median, which MongoDB 6 lacks: numbers the rows by duration, and averages the middle row or the two middle rows. Only
# results are used. Outcomes that the system or the integrator decided, after a deadline or by a close, do not show how long a verification takes.
MEDIAN: list[Document] = [
    {"$match": {"actor": {"$in": [Actor.INDIVIDUAL.value, Actor.PROVIDER.value]}, "milliseconds": {"$type": "long"}}},
    {"$project": {"milliseconds": 1}},
    {
        "$setWindowFields": {
            "sortBy": {"milliseconds": 1},
            "output": {
                "row": {"$documentNumber": {}},
                "rows": {"$count": {}, "window": {"documents": ["unbounded", "unbounded"]}},
            },
        }
    },
    {"$match": {"$expr": MIDDLE}},
    {"$group": {"_id": None, "median": {"$avg": "$milliseconds"}}},
]
# The first sort and the limit select the newest days. The second sort puts them into the order of time.
DAYS: list[Document] = [
    {"$group": {"_id": {"day": "$day", "status": "$status"}, "count": {"$sum": 1}}},
    {"$group": {"_id": "$_id.day", "statuses": {"$push": {"_id": "$_id.status", "count": "$count"}}}},
    {"$match": {"_id": {"$type": "date"}}},
    {"$sort": {"_id": -1}},
    {"$limit": MAX_DAYS},
    {"$sort": {"_id": 1}},
]


@dataclass(frozen=True, slots=True)
class Expressions:
    """The MongoDB expressions for the list of events, the time from creation to outcome, and the day of creation of a document."""

    events: Any
    duration: Document
    day: Document


UNCHECKED = Expressions("$events", DURATION, DAY)
CHECKED = Expressions(LISTED, CHECKED_DURATION, CHECKED_DAY)


def pipeline(scope: Document, filter: Filter, by_day: bool, read: Expressions) -> list[Document]:
    """The aggregation pipeline that computes all statistics in one pass over the matching documents.

    `by_day`: whether to count by day too. `read`: the expressions that read the events, the duration and the day.

    `actor` in the pipeline is the actor of the last outcome. A verification may have two outcomes: a verdict replaces one that the system decided.
    """
    outcome = {"$filter": {"input": read.events, "cond": {"$eq": ["$$this.type", EventType.STATUS_CHANGED.value]}}}
    values = {
        "_id": 0,
        "status": 1,
        "reasons": 1,
        "milliseconds": read.duration,
        "ignoredVerdict": 1,
        "actor": {"$last": {"$map": {"input": outcome, "in": "$$this.actor"}}},
        **({"day": read.day} if by_day else {}),
    }
    facets = {
        "statuses": [{"$group": {"_id": "$status", "count": {"$sum": 1}, "charged": {"$sum": CHARGED_AFTER_CLOSE}}}],
        "reasons": [
            {"$unwind": "$reasons"},
            {"$group": {"_id": "$reasons", "count": {"$sum": 1}}},
            {"$sort": {"count": -1, "_id": 1}},
        ],
        "durations": MEDIAN,
        **({"days": DAYS} if by_day else {}),
    }
    return [{"$match": selecting(scope, filter)}, {"$project": values}, {"$facet": facets}]


async def read_statistics(collection: Collection, scope: Document, filter: Filter, by_day: bool) -> VerificationStats:
    """The statistics of the verifications in the scope that match the filter. `by_day`: whether to count by day too.

    Cost: one aggregation that reads every matching document; a second aggregation if a document is so damaged that the first one fails.
    """
    try:
        found = await counted(collection, pipeline(scope, filter, by_day, UNCHECKED))
    except OperationFailure:
        found = await counted(collection, pipeline(scope, filter, by_day, CHECKED))
    by_status, of_unknown_status = counts_by_status(found["statuses"])
    return VerificationStats(
        by_status=by_status,
        by_reason=tuple(ReasonCount(explained(row["_id"]), row["count"]) for row in found["reasons"] if isinstance(row["_id"], str)),
        median_seconds_to_result=found["durations"][0]["median"] / 1000 if found["durations"] else None,
        charged_after_close=sum(row["charged"] for row in found["statuses"] if row["_id"] == Status.INCONCLUSIVE.value),
        of_unknown_status=of_unknown_status,
        by_day=tuple(day_count(row) for row in found["days"] if isinstance(row["_id"], datetime)) if by_day else None,
    )


def counts_by_status(rows: list[Document]) -> tuple[tuple[StatusCount, ...], int]:
    """The counts of all four statuses, and the count of all other statuses together. `rows`: pairs of `_id`, a stored status, and `count`."""
    counts = {row["_id"]: row["count"] for row in rows if isinstance(row["_id"], str)}
    by_status = tuple(StatusCount(status, counts.get(status.value, 0)) for status in Status)
    return by_status, sum(row["count"] for row in rows) - sum(row.count for row in by_status)


def day_count(row: Document) -> DayCount:
    """The counts of a day. `row` has `_id`, the first instant of the day, and `statuses`: pairs of `_id`, a stored status, and `count`."""
    return DayCount(row["_id"].date(), *counts_by_status(row["statuses"]))


async def counted(collection: Collection, stages: list[Document]) -> Document:
    """Run the pipeline. Returns its single result document. Raises: Unavailable; OperationFailure if MongoDB can't process a document."""
    with answering():
        [found] = await aggregate(collection, stages, allowDiskUse=True).to_list(1)
    return found
