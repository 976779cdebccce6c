"""A filter as MongoDB asks for it."""

from domain.filter import Filter
from domain.reasons import CATALOGUE, ReasonType
from store.documents import Document


def within(scope: Document, conditions: list[Document]) -> Document:
    """What meets all the conditions inside a scope. No condition can widen the scope: it stands apart."""
    return {"$and": [scope, *conditions]}


def matching(filter: Filter) -> list[Document]:
    """The conditions of a filter, all of which must hold."""
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
    """A condition on the codes: some code is of one of the types. Of an unknown type are the codes that the catalogue doesn't have."""
    if ReasonType.UNKNOWN in types:
        # Any text is at least the empty one; without that bound, the index entries of all that have no code would be read too.
        return {"$elemMatch": {"$gte": "", "$nin": [code for code, reason in CATALOGUE.items() if reason.type not in types]}}
    return {"$in": [code for code, reason in CATALOGUE.items() if reason.type in types]}
