"""Rows that are read in part: they answer what was named like whole ones, and refuse everything else."""

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
from store.documents import Document
from store.driver import NAIVE_INSTANTS
from store.pages import PageRequest
from store.partial_verification import ALWAYS, READ, NotRead, Part, reading, rows
from store.verifications import Verifications
from tests.commands import Commands
from tests.factories import FAILED_RESULT, VERIFIED_RESULT, a_final_verification, a_verification, later, retried
from tests.histories import chains, noted, over_histories
from tests.storing import DATA_KEYS, encode

# What a verification does, other than to answer.
RULES = {"created", "progressed", "concluded", "expired", "retried", "retry_request", "anonymized"}
ASKED: dict[str, Callable[[Verification], Any]] = {
    "overdue": lambda it: it.overdue(later(days=7)),
    "stands_at": lambda it: it.stands_at(FAILED_RESULT),
    "events_after": lambda it: it.events_after(1),
}

subsets = st.frozensets(st.sampled_from(sorted(READ)))


def answer(verification: Verification, attribute: str) -> Any:
    """What a verification answers."""
    ask = ASKED.get(attribute)
    return ask(verification) if ask else getattr(verification, attribute)


def row(verification: Verification, names: frozenset[str]) -> Verification:
    """The row that is made of what MongoDB gives of a verification."""
    needed = reading(names, frozenset())
    assert needed
    document: Document = bson.decode(bson.encode(encode(verification)), NAIVE_INSTANTS)
    [made] = rows([{field: value for field, value in document.items() if field in needed.projection}], DATA_KEYS, needed)
    assert isinstance(made, Verification)
    return made


def test_every_attribute_is_known() -> None:
    public = {name for name in dir(Verification) if not name.startswith("_")}

    assert READ.keys() == public - RULES


@over_histories
@given(chains(), subsets)
def test_what_was_named_is_answered_as_by_a_whole_one(attempts: list[Verification], names: frozenset[str]) -> None:
    for verification in attempts:
        part = row(verification, names)

        assert {name: answer(part, name) for name in names} == {name: answer(verification, name) for name in names}
        assert (part.id, part.workspace) == (verification.id, verification.workspace)


@over_histories
@given(chains(), subsets)
def test_what_was_not_named_is_refused_or_answered_as_by_a_whole_one(attempts: list[Verification], names: frozenset[str]) -> None:
    for verification in attempts:
        part = row(verification, names)

        for name in READ.keys() - names:
            try:
                assert answer(part, name) == answer(verification, name)
            except NotRead:
                assert not READ[name] <= ALWAYS.union(*(READ[named] for named in names))


@pytest.mark.parametrize("attribute", [field.name for field in fields(Verification) if field.name not in ALWAYS])
def test_a_field_that_was_not_read_is_never_taken_for_one_that_is_not_there(attribute: str) -> None:
    part = row(a_final_verification(), frozenset())

    with pytest.raises(NotRead, match=attribute):
        getattr(part, attribute)
    with pytest.raises(NotRead, match=attribute):
        getattr(part, attribute, None)


@pytest.mark.parametrize("names", [None, frozenset({"status", "unheard_of"}), frozenset({"concluded"})])
def test_where_it_is_not_known_what_will_be_asked_everything_is_read(names: frozenset[str] | None) -> None:
    assert reading(names, frozenset({"attempt"})) is None


def test_a_row_that_was_read_in_part_is_not_written() -> None:
    part = row(a_final_verification(), frozenset(READ) - {"anonymized_at", "due", "overdue"})

    with pytest.raises(NotRead):
        encode(part)
    with pytest.raises(NotRead):
        replace(part, version=7)
    with pytest.raises(NotRead):
        retried(part)


def test_a_row_that_was_read_in_part_has_nothing_else() -> None:
    part = row(a_verification(), frozenset({"status"}))

    assert isinstance(part, Part)
    assert not hasattr(part, "unheard_of")


def test_a_document_of_which_no_row_can_be_made_leaves_the_others_alone() -> None:
    needed = reading(frozenset({"version", "face_recognition"}), frozenset())
    healthy = {"_id": "ver_2", "workspace": "acme", "status": "pending", "version": 3, "faceRecognition": True}
    spoiled = {"_id": "ver_1", "workspace": "acme", "status": "pending", "faceRecognition": True}

    bad, row = rows([spoiled, healthy], DATA_KEYS, needed)

    assert isinstance(bad, BadDocument)
    assert (bad.verification_id, bad.stored_field) == ("ver_1", "version")
    assert isinstance(row, Part)
    assert (row.id, row.version, row.face_recognition) == ("ver_2", 3, True)


def test_without_a_status_that_there_is_no_row_is_made_whatever_was_named() -> None:
    [bad] = rows([{"_id": "ver_1", "workspace": "acme", "status": "suspended"}], DATA_KEYS, reading(frozenset({"id"}), frozenset()))

    assert isinstance(bad, BadDocument)
    assert bad.stored_field == "status"


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_missing_reads_as_its_default_and_what_can_not_be_read_leaves_the_rest(whole: bool) -> None:
    names = frozenset({"attempt", "chain", "reasons", "face_recognition", "opened_at", "reference", "events"})
    document = encode(a_verification(id="ver_1")) | {"openedAt": "yesterday"}
    for field in ("attempt", "chain", "faceRecognition", "reasons", "reference", "events"):
        del document[field]

    [row] = rows([document], DATA_KEYS, None if whole else reading(names, frozenset()))

    assert isinstance(row, Verification)
    assert (row.attempt, row.chain, row.reasons, row.face_recognition, row.reference, row.events) == (1, "ver_1", (), False, None, ())
    assert row.opened_at == BadValue("ver_1", "openedAt")


@pytest.mark.parametrize("order", Order)
async def test_a_page_is_read_as_far_as_is_asked(verifications: Verifications, order: Order) -> None:
    added = [await verifications.add(noted(a_final_verification(VERIFIED_RESULT, reference=None), "event-1", later(minutes=1))) for _ in range(3)]
    whole = await verifications.page(Filter(), PageRequest(order, 2))

    part = await verifications.page(Filter(), PageRequest(order, 2), frozenset({"status", "reference", "declared", "phase"}))

    assert [(it.id, it.status, it.reference, it.declared, it.phase) for it in part.rows] == [
        (it.id, it.status, it.reference, it.declared, it.phase) for it in whole.rows
    ]
    assert [part.place(it) for it in part.rows] == [whole.place(it) for it in whole.rows]
    assert (part.has_next, part.has_previous) == (True, False)
    assert len(added) == 3
    with pytest.raises(NotRead):
        _ = part.rows[0].events


async def test_attempts_are_read_as_far_as_is_asked(verifications: Verifications) -> None:
    first = await verifications.add(a_final_verification())
    second = await verifications.retry(first.id, retried)

    attempts = await verifications.chains([first.chain], frozenset({"status"}))

    assert [(it.id, it.chain, it.attempt, it.status) for it in attempts] == [
        (first.id, first.chain, 1, first.status),
        (second.id, first.chain, 2, second.status),
    ]
    with pytest.raises(NotRead):
        _ = attempts[0].version


async def test_of_documents_no_more_is_sent_than_is_asked_for(verifications: Verifications, commands: Commands, database_name: str) -> None:
    with commands.sent(database_name) as sent:
        await verifications.page(Filter(), PageRequest(Order.CREATED_NEWEST, 2), frozenset({"can_retry"}))
        await verifications.chains(["ver_1"], frozenset({"declared"}))
        await verifications.page(Filter(), PageRequest(Order.CREATED_NEWEST, 2))

    assert [{*command.get("projection", {})} for command in sent] == [
        {"_id", "workspace", "createdAt", "status", "next"},
        {"_id", "workspace", "status", "chain", "attempt", "declared"},
        set(),
    ]
