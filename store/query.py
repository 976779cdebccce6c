"""Converts filters to conditions of MongoDB queries."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bson.datetime_ms import DatetimeMS

from domain.event import EventType
from domain.filter import Filter
from domain.reasons import CATALOGUE, ReasonType
from domain.status import Phase, Status
from store.documents import milliseconds
from store.driver import Document

# The conditions that a field is missing, or present. For MongoDB, a missing field equals None. So a query for MISSING is one for an equal value, and
# an index returns its rows in the order of the list, without a sort.
MISSING, PRESENT = None, {"$exists": True}
# For each phase of a pending verification: which of the instants of its steps are stored, and which are missing.
PENDING_PHASES: dict[Phase, Document] = {
    Phase.AWAITING_INDIVIDUAL: {"openedAt": MISSING, "captureStartedAt": MISSING, "captureCompletedAt": MISSING},
    Phase.IN_SESSION: {"openedAt": PRESENT, "captureStartedAt": MISSING, "captureCompletedAt": MISSING},
    Phase.CAPTURING: {"captureStartedAt": PRESENT, "captureCompletedAt": MISSING},
    Phase.PROCESSING: {"captureCompletedAt": PRESENT},
}
HAS_IGNORED_RESULTS: Document = {"events.type": EventType.RESULT_IGNORED.value}
ERASED_REFERENCE: Document = {"reference": MISSING, "anonymizedAt": PRESENT}


def within(scope: Document, conditions: list[Document]) -> Document:
    """The query for documents in the scope that meet all conditions.

    The scope is a separate operand of `$and`, so that no condition can overwrite it.
    """
    return {"$and": [scope, *conditions]}


def selecting(scope: Document, filter: Filter, bounds: Sequence[Document] = ()) -> Document:
    """The query for documents in the scope that match the filter and are within the bounds.

    A filter with several phases becomes one alternative for each phase, each with all other conditions. If the whole query consists of
    alternatives, and only then, MongoDB chooses an index for each alternative, and merges what it reads from them in the order of the list.
    """
    phases = of_phases(filter.phases) if filter.phases is not None else [{}]
    others = [*matching(replace(filter, phases=None)), *bounds]
    alternatives = [within(scope, [*([phase] if phase else []), *others]) for phase in phases]
    return alternatives[0] if len(alternatives) == 1 else {"$or": alternatives}


def matching(filter: Filter) -> list[Document]:
    """The MongoDB conditions of a filter. A verification matches the filter if it meets all of them."""
    conditions: list[Document] = []
    if filter.statuses is not None:
        conditions.append({"status": {"$in": [status.value for status in filter.statuses]}})
    if filter.phases is not None:
        phases = of_phases(filter.phases)
        conditions.append(phases[0] if len(phases) == 1 else {"$or": phases})
    if filter.reason_codes is not None:
        conditions.append({"reasons": {"$in": list(filter.reason_codes)}})
    if filter.reason_types is not None:
        conditions.append({"reasons": of_types(filter.reason_types)})
    if filter.reference is not None:
        equal: Document = {"reference": filter.reference}
        conditions.append({"$or": [equal, ERASED_REFERENCE]} if filter.or_erased_reference else equal)
    conditions += period("createdAt", filter.created_from, filter.created_before)
    conditions += period("updatedAt", filter.updated_from, filter.updated_before)
    conditions += period("completedAt", filter.completed_from, filter.completed_before)
    if filter.has_ignored_results is not None:
        conditions.append(HAS_IGNORED_RESULTS if filter.has_ignored_results else {"$nor": [HAS_IGNORED_RESULTS]})
    if filter.provider_id is not None:
        conditions.append({"provider.id": filter.provider_id})
    if filter.first_attempts_only:
        conditions.append({"attempt": 1})
    return conditions


def ever_matching(filter: Filter) -> list[Document]:
    """Conditions that are met by every verification that matches the filter now, or that matched it after one of its events (`Filter.concerns`).

    Other verifications may meet them too, so the caller must apply the filter to the result. Only the filter's conditions on statuses, codes and
    ignored results are represented here, because one event is enough to decide them. The filter's other conditions depend on several events. A
    condition on statuses that includes PENDING is left out, because every verification was once pending.
    """
    conditions: list[Document] = []
    if filter.statuses is not None and Status.PENDING not in filter.statuses:
        values = {"$in": [status.value for status in filter.statuses]}
        conditions.append({"$or": [{"status": values}, {"events.to": values}]})
    if filter.reason_codes is not None:
        codes = {"$in": list(filter.reason_codes)}
        conditions.append({"$or": [{"reasons": codes}, {"events.reasons": codes}]})
    if filter.has_ignored_results:
        conditions.append(HAS_IGNORED_RESULTS)
    return conditions


def period(field: str, start: datetime | None, end: datetime | None) -> list[Document]:
    """The conditions that the instant in the field lies in the period from `start` until just before `end`."""
    bounds = (("$gte", start), ("$lt", end))
    return [{field: {operator: rounded_up(bound)}} for operator, bound in bounds if bound]


def rounded_up(bound: datetime) -> DatetimeMS | datetime:
    """The bound, rounded up to whole milliseconds. Stored instants have whole milliseconds, so a comparison with the exact bound has the same result.

    The driver would round down, so that a period would contain an instant that `Filter.matches` excludes.
    """
    return DatetimeMS(milliseconds(bound) + 1) if bound.microsecond % 1000 else bound


def of_phases(phases: tuple[Phase, ...]) -> list[Document]:
    """Conditions of which a verification in one of these phases meets at least one.

    A phase is not stored: the status and three instants determine it.
    """
    statuses = [status.value for status in Status if status.final and Phase.DONE in phases]
    if PENDING_PHASES.keys() <= {*phases}:
        return [{"status": {"$in": [Status.PENDING.value, *statuses]}}]
    alternatives: list[Document] = [{"status": Status.PENDING.value, **instants} for phase, instants in PENDING_PHASES.items() if phase in phases]
    return alternatives if alternatives and not statuses else [*alternatives, {"status": {"$in": statuses}}]


def of_types(types: tuple[ReasonType, ...]) -> Document:
    """The condition that a verification has a reason of one of these types. A code that is not in the catalogue has the type UNKNOWN."""
    if ReasonType.UNKNOWN in types:
        # `$gte: ""` matches every text. Without it, MongoDB would also read the index entries of verifications without codes.
        return {"$elemMatch": {"$gte": "", "$nin": [code for code, reason in CATALOGUE.items() if reason.type not in types]}}
    return {"$in": [code for code, reason in CATALOGUE.items() if reason.type in types]}
