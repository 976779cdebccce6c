"""How many verifications there are of each kind, and how long an outcome takes."""

from domain.event import Actor, EventType
from domain.filter import Filter
from domain.reasons import explained
from domain.statistics import ReasonCount, StatusCount, VerificationStats
from domain.status import Status
from store.documents import Document
from store.driver import Collection, aggregate, answering
from store.query import matching, within

# A document that can't be read must not fail the aggregation: `$filter` takes nothing but lists, and `$subtract` no texts.
EVENTS = {"$cond": [{"$isArray": "$events"}, "$events", []]}
OUTCOME = {"$filter": {"input": EVENTS, "cond": {"$eq": ["$$this.type", EventType.STATUS_CHANGED.value]}}}
DATES = {"$and": [{"$eq": [{"$type": "$completedAt"}, "date"]}, {"$eq": [{"$type": "$createdAt"}, "date"]}]}
DURATION = {"$cond": [DATES, {"$subtract": ["$completedAt", "$createdAt"]}, None]}
MIDDLE = {"$in": ["$row", [{"$ceil": {"$divide": ["$rows", 2]}}, {"$add": [{"$floor": {"$divide": ["$rows", 2]}}, 1]}]]}


def pipeline(scope: Document, filter: Filter) -> list[Document]:
    """One pass over the matching documents. MongoDB 6 has no $median: the rows are numbered by duration, and the middle one or two are taken."""
    return [
        {"$match": within(scope, matching(filter))},
        {
            "$project": {
                "_id": 0,
                "status": 1,
                "reasons": 1,
                "milliseconds": DURATION,
                "actor": {"$first": {"$map": {"input": OUTCOME, "in": "$$this.actor"}}},
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
                    {"$match": {"actor": {"$in": [Actor.INDIVIDUAL.value, Actor.PROVIDER.value]}, "milliseconds": {"$ne": None}}},
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


async def read(collection: Collection, scope: Document, filter: Filter) -> VerificationStats:
    """The counts. Cost: one aggregation that reads every matching document."""
    with answering():
        [found] = await aggregate(collection, pipeline(scope, filter), allowDiskUse=True).to_list(1)
    counts = {row["_id"]: row["count"] for row in found["statuses"] if isinstance(row["_id"], str)}
    by_status = tuple(StatusCount(status, counts.get(status.value, 0)) for status in Status)
    return VerificationStats(
        by_status=by_status,
        by_reason=tuple(ReasonCount(explained(row["_id"]), row["count"]) for row in found["reasons"] if isinstance(row["_id"], str)),
        median_seconds_to_result=found["durations"][0]["median"] / 1000 if found["durations"] else None,
        of_unknown_status=sum(row["count"] for row in found["statuses"]) - sum(row.count for row in by_status),
    )
