"""Reads the statistics of verifications: counts by status and by reason, and the median time from the creation to the result."""

from typing import Any

from pymongo.errors import OperationFailure

from domain.event import Actor, EventType
from domain.filter import Filter
from domain.reasons import explained
from domain.statistics import ReasonCount, StatusCount, VerificationStats
from domain.status import Status
from store.driver import Collection, Document, aggregate, answering
from store.query import selecting

DURATION = {"$subtract": ["$completedAt", "$createdAt"]}
# Replacements for damaged documents: `$filter` fails if the events are not a list, and `$subtract` if a value is not a date. With these checks,
# the aggregation takes 5 % longer, so they are used only after it has failed without them.
LISTED = {"$cond": [{"$isArray": "$events"}, "$events", []]}
DATES = {"$and": [{"$eq": [{"$type": "$completedAt"}, "date"]}, {"$eq": [{"$type": "$createdAt"}, "date"]}]}
CHECKED_DURATION = {"$cond": [DATES, DURATION, None]}
MIDDLE = {"$in": ["$row", [{"$ceil": {"$divide": ["$rows", 2]}}, {"$add": [{"$floor": {"$divide": ["$rows", 2]}}, 1]}]]}


def pipeline(scope: Document, filter: Filter, events: Any = "$events", duration: Document = DURATION) -> list[Document]:
    """The aggregation pipeline that computes all statistics in one pass over the matching documents.

    MongoDB 6 has no $median. So the rows are numbered by duration, and the average of the middle row, or of the two middle rows, is computed.
    """
    outcome = {"$filter": {"input": events, "cond": {"$eq": ["$$this.type", EventType.STATUS_CHANGED.value]}}}
    return [
        {"$match": selecting(scope, filter)},
        {
            "$project": {
                "_id": 0,
                "status": 1,
                "reasons": 1,
                "milliseconds": duration,
                "actor": {"$first": {"$map": {"input": outcome, "in": "$$this.actor"}}},
            }
        },
        {
            "$facet": {
                "statuses": [{"$group": {"_id": "$status", "count": {"$sum": 1}}}],
                "reasons": [
                    {"$unwind": "$reasons"},
                    {"$group": {"_id": "$reasons", "count": {"$sum": 1}}},
                    {"$sort": {"count": -1, "_id": 1}},
                ],
                "durations": [
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
                ],
            }
        },
    ]


async def read_statistics(collection: Collection, scope: Document, filter: Filter) -> VerificationStats:
    """The statistics of the verifications in the scope that match the filter.

    Cost: one aggregation that reads every matching document; a second aggregation if a document is so damaged that the first one fails.
    """
    try:
        found = await counted(collection, pipeline(scope, filter))
    except OperationFailure:
        found = await counted(collection, pipeline(scope, filter, LISTED, CHECKED_DURATION))
    counts = {row["_id"]: row["count"] for row in found["statuses"] if isinstance(row["_id"], str)}
    by_status = tuple(StatusCount(status, counts.get(status.value, 0)) for status in Status)
    return VerificationStats(
        by_status=by_status,
        by_reason=tuple(ReasonCount(explained(row["_id"]), row["count"]) for row in found["reasons"] if isinstance(row["_id"], str)),
        median_seconds_to_result=found["durations"][0]["median"] / 1000 if found["durations"] else None,
        of_unknown_status=sum(row["count"] for row in found["statuses"]) - sum(row.count for row in by_status),
    )


async def counted(collection: Collection, stages: list[Document]) -> Document:
    """Run the pipeline. Returns its single result document. Raises: Unavailable; OperationFailure if MongoDB can't process a document."""
    with answering():
        [found] = await aggregate(collection, stages, allowDiskUse=True).to_list(1)
    return found
