"""Converts filters to conditions of MongoDB queries."""

from domain.filter import Filter
from domain.reasons import CATALOGUE, ReasonType
from store.driver import Document


def within(scope: Document, conditions: list[Document]) -> Document:
    """The query for documents in the scope that meet all conditions.

    The scope is a separate operand of `$and`, so that no condition can overwrite it.
    """
    return {"$and": [scope, *conditions]}


def matching(filter: Filter) -> list[Document]:
    """The MongoDB conditions of a filter. A verification matches the filter if it meets all of them."""
    conditions: list[Document] = []
    if filter.statuses is not None:
        conditions.append({"status": {"$in": [status.value for status in filter.statuses]}})
    if filter.reason_codes is not None:
        conditions.append({"reasons": {"$in": list(filter.reason_codes)}})
    if filter.reason_types is not None:
        conditions.append({"reasons": of_types(filter.reason_types)})
    if filter.reference is not None:
        conditions.append({"reference": filter.reference})
    if filter.created_from:
        conditions.append({"createdAt": {"$gte": filter.created_from}})
    if filter.created_before:
        conditions.append({"createdAt": {"$lt": filter.created_before}})
    if filter.first_attempts_only:
        conditions.append({"attempt": 1})
    return conditions


def of_types(types: tuple[ReasonType, ...]) -> Document:
    """The condition that a verification has a reason of one of these types. A code that is not in the catalogue has the type UNKNOWN."""
    if ReasonType.UNKNOWN in types:
        # `$gte: ""` matches every text. Without it, MongoDB would also read the index entries of verifications without codes.
        return {"$elemMatch": {"$gte": "", "$nin": [code for code, reason in CATALOGUE.items() if reason.type not in types]}}
    return {"$in": [code for code, reason in CATALOGUE.items() if reason.type in types]}
