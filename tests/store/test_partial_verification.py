"""Tests of partial verifications: the requested attributes equal those of the whole verification, and all others raise NotRead."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadDocument, BadValue
from domain.filter import Filter, Order
from domain.verification import Verification
from store.driver import NAIVE_INSTANTS, Document
from store.pages import PageRequest
from store.partial_verification import ALWAYS, NEEDED_BY, NotRead, PartialVerification, row_reader, rows
from store.verifications import Verifications
from tests.commands import Commands
from tests.factories import FAILED_RESULT, VERIFIED_RESULT, a_final_verification, a_verification, later, retried
from tests.histories import chains, noted, over_histories
from tests.storing import DATA_KEYS, encode

# The public methods of `Verification` that create or change a verification. A list never calls them, so it is not declared which stored attributes
# they need.
RULES = {"created", "start_request", "accepted", "refused", "lost", "unanswered", "progressed", "concluded", "closed_by_integrator"} | {
    "expired",
    "expired_without_verdict",
    "retried",
    "retry_request",
    "anonymized",
}
CALLS: dict[str, Callable[[Verification], Any]] = {
    "overdue": lambda it: it.overdue(later(days=7)),
    "stands_at": lambda it: it.stands_at(FAILED_RESULT),
    "events_after": lambda it: it.events_after(1),
}

subsets = st.frozensets(st.sampled_from(sorted(NEEDED_BY)))


def value_of(verification: Verification, attribute: str) -> Any:
    """The value of an attribute. If the attribute is a method, its result for the fixed arguments in CALLS."""
    call = CALLS.get(attribute)
    return call(verification) if call else getattr(verification, attribute)


def row(verification: Verification, names: frozenset[str]) -> Verification:
    """The partial verification that is read when only these attributes are requested."""
    reader = row_reader(names, frozenset())
    assert reader
    document: Document = bson.decode(bson.encode(encode(verification)), NAIVE_INSTANTS)
    [partial] = rows([{field: value for field, value in document.items() if field in reader.projection}], DATA_KEYS, reader)
    assert isinstance(partial, Verification)
    return partial


def test_every_public_attribute_declares_which_stored_attributes_it_needs() -> None:
    public = {name for name in dir(Verification) if not name.startswith("_")}

    assert NEEDED_BY.keys() == public - RULES


@over_histories
@given(chains(), subsets)
def test_named_attributes_equal_those_of_the_whole_verification(attempts: list[Verification], names: frozenset[str]) -> None:
    for verification in attempts:
        partial = row(verification, names)

        assert {name: value_of(partial, name) for name in names} == {name: value_of(verification, name) for name in names}
        assert (partial.id, partial.workspace) == (verification.id, verification.workspace)


@over_histories
@given(chains(), subsets)
def test_each_other_attribute_raises_not_read_or_equals_that_of_the_whole_verification(attempts: list[Verification], names: frozenset[str]) -> None:
    for verification in attempts:
        partial = row(verification, names)

        for name in NEEDED_BY.keys() - names:
            try:
                assert value_of(partial, name) == value_of(verification, name)
            except NotRead:
                assert not NEEDED_BY[name] <= ALWAYS.union(*(NEEDED_BY[named] for named in names))


@pytest.mark.parametrize("attribute", [field.name for field in fields(Verification) if field.name not in ALWAYS])
def test_an_attribute_that_was_not_read_never_looks_missing(attribute: str) -> None:
    partial = row(a_final_verification(), frozenset())

    with pytest.raises(NotRead, match=attribute):
        getattr(partial, attribute)
    with pytest.raises(NotRead, match=attribute):
        getattr(partial, attribute, None)


@pytest.mark.parametrize("names", [None, frozenset({"status", "unfamiliar"}), frozenset({"concluded"})])
def test_whole_documents_are_read_for_unfamiliar_attributes(names: frozenset[str] | None) -> None:
    assert row_reader(names, frozenset({"attempt"})) is None


def test_a_partial_verification_is_never_written() -> None:
    partial = row(a_final_verification(), frozenset(NEEDED_BY) - {"anonymized_at", "due", "overdue"})

    with pytest.raises(NotRead):
        encode(partial)
    with pytest.raises(NotRead):
        replace(partial, version=7)
    with pytest.raises(NotRead):
        retried(partial)


def test_a_partial_verification_has_no_other_attributes() -> None:
    partial = row(a_verification(), frozenset({"status"}))

    assert isinstance(partial, PartialVerification)
    assert not hasattr(partial, "unfamiliar")


def test_a_damaged_document_does_not_affect_the_other_rows() -> None:
    reader = row_reader(frozenset({"version", "face_recognition"}), frozenset())
    healthy = {"_id": "ver_2", "workspace": "acme", "status": "pending", "version": 3, "faceRecognition": True}
    damaged = {"_id": "ver_1", "workspace": "acme", "status": "pending", "faceRecognition": True}

    bad, row = rows([damaged, healthy], DATA_KEYS, reader)

    assert isinstance(bad, BadDocument)
    assert (bad.verification_id, bad.stored_field) == ("ver_1", "version")
    assert isinstance(row, PartialVerification)
    assert (row.id, row.version, row.face_recognition) == ("ver_2", 3, True)


def test_a_document_with_an_unfamiliar_status_is_a_bad_document() -> None:
    [bad] = rows([{"_id": "ver_1", "workspace": "acme", "status": "suspended"}], DATA_KEYS, row_reader(frozenset({"id"}), frozenset()))

    assert isinstance(bad, BadDocument)
    assert bad.stored_field == "status"


@pytest.mark.parametrize("whole", [True, False])
def test_missing_fields_read_as_defaults_and_an_unreadable_field_affects_only_itself(whole: bool) -> None:
    names = frozenset({"attempt", "chain", "reasons", "face_recognition", "opened_at", "reference", "events"})
    document = encode(a_verification(id="ver_1")) | {"openedAt": "yesterday"}
    for field in ("attempt", "chain", "faceRecognition", "reasons", "reference", "events"):
        del document[field]

    [row] = rows([document], DATA_KEYS, None if whole else row_reader(names, frozenset()))

    assert isinstance(row, Verification)
    assert (row.attempt, row.chain, row.reasons, row.face_recognition, row.reference, row.events) == (1, "ver_1", (), False, None, ())
    assert row.opened_at == BadValue("ver_1", "openedAt")


@pytest.mark.parametrize("order", Order)
async def test_the_rows_of_a_page_have_the_named_attributes(verifications: Verifications, order: Order) -> None:
    added = [await verifications.add(noted(a_final_verification(VERIFIED_RESULT, reference=None), "event-1", later(minutes=1))) for _ in range(3)]
    whole = await verifications.page(Filter(), PageRequest(order, 2))

    partial = await verifications.page(Filter(), PageRequest(order, 2), frozenset({"status", "reference", "declared", "phase"}))

    assert [(it.id, it.status, it.reference, it.declared, it.phase) for it in partial.rows] == [
        (it.id, it.status, it.reference, it.declared, it.phase) for it in whole.rows
    ]
    assert [partial.position(it) for it in partial.rows] == [whole.position(it) for it in whole.rows]
    assert (partial.has_next, partial.has_previous) == (True, False)
    assert len(added) == 3
    with pytest.raises(NotRead):
        _ = partial.rows[0].events


async def test_the_attempts_of_a_chain_have_the_named_attributes(verifications: Verifications) -> None:
    first = await verifications.add(a_final_verification())
    second = await verifications.retry(first.id, retried)

    attempts = await verifications.chains([first.chain], frozenset({"status"}))

    assert [(it.id, it.chain, it.attempt, it.status) for it in attempts] == [
        (first.id, first.chain, 1, first.status),
        (second.id, first.chain, 2, second.status),
    ]
    with pytest.raises(NotRead):
        _ = attempts[0].version


async def test_mongodb_sends_only_the_needed_fields(verifications: Verifications, commands: Commands, database_name: str) -> None:
    with commands.sent(database_name) as sent:
        await verifications.page(Filter(), PageRequest(Order.CREATED_NEWEST, 2), frozenset({"can_retry"}))
        await verifications.chains(["ver_1"], frozenset({"declared"}))
        await verifications.page(Filter(), PageRequest(Order.CREATED_NEWEST, 2))

    assert [{*command.get("projection", {})} for command in sent] == [
        {"_id", "workspace", "createdAt", "status", "next"},
        {"_id", "workspace", "status", "chain", "attempt", "declared"},
        set(),
    ]
