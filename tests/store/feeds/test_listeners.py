"""Tests of `Listeners`, which finds the listeners that a change, a deletion or a removal concerns."""

import asyncio

import pytest

from domain.errors import Lagged, NotFound
from store.feeds.listeners import Listeners, Topic
from store.listener import Change, Listener
from tests.factories import NOON, a_final_verification, a_verification, retried

ID: Topic = ("id", "acme", "ver_1")
CHAIN: Topic = ("chain", "acme", "ver_1")
WORKSPACE: Topic = ("workspace", "acme", None)


def a_listener() -> Listener:
    return Listener(max_changes=10)


def lost(listener: Listener) -> bool:
    """Take the changes of the listener. Returns whether that raises NotFound, which ends the subscription."""
    try:
        listener.taken()
    except NotFound:
        return True
    return False


def test_a_change_reaches_only_the_requested_kinds() -> None:
    listeners, verification = Listeners(), a_verification(id="ver_1")

    with (
        listeners.listening(ID, a_listener()) as by_id,
        listeners.listening(CHAIN, a_listener()) as by_chain,
        listeners.listening(WORKSPACE, a_listener()) as everything,
    ):
        listeners.deliver(verification, 0, ("chain",))
        assert [by_id.taken(), by_chain.taken(), everything.taken()] == [[], [Change(verification, 0)], []]

        listeners.deliver(verification, 0)
        assert [by_id.taken(), by_chain.taken(), everything.taken()] == [[Change(verification, 0)]] * 3


def test_a_deletion_ends_the_followers_of_the_verification_and_of_its_chain_only() -> None:
    listeners = Listeners()
    others: list[Topic] = [("id", "acme", "ver_2"), ("chain", "acme", "ver_2"), WORKSPACE]

    with listeners.listening(ID, a_listener()) as by_id, listeners.listening(CHAIN, a_listener()) as by_chain:
        bystanders = [listeners.listening(topic, a_listener()) for topic in others]
        entered = [bystander.__enter__() for bystander in bystanders]

        listeners.deleted("ver_1")

        assert (lost(by_id), lost(by_chain)) == (True, True)
        assert [lost(bystander) for bystander in entered] == [False] * 3
        for bystander in bystanders:
            bystander.__exit__(None, None, None)


@pytest.mark.parametrize("how", ["delivered", "registered"])
def test_the_followers_of_a_chain_learn_of_the_deletion_of_later_attempts(how: str) -> None:
    listeners = Listeners()
    _, retry = retried(a_final_verification(id="ver_1"), NOON)

    with listeners.listening(CHAIN, a_listener()) as by_chain:
        listeners.deleted(retry.id)
        assert not lost(by_chain)
        if how == "delivered":
            listeners.deliver(retry, 0)
        else:
            listeners.register("acme", "ver_1", [retry.id])
        listeners.deleted(retry.id)

        # If a change was delivered before the deletion, the first call of `taken` returns it, and only the second call raises NotFound.
        assert lost(by_chain) == (how == "registered")
        assert lost(by_chain)
    assert not listeners._topics
    assert not listeners._attempts


def test_an_attempt_that_was_deleted_before_its_registration_ends_the_followers_of_its_chain() -> None:
    listeners, retry = Listeners(), a_verification(id="ver_2")

    with listeners.listening(CHAIN, a_listener()) as by_chain:
        listeners.deleted("ver_2")
        listeners.deliver(retry, 0)
        listeners.register("acme", "ver_1", ["ver_1", "ver_2"])
        assert not lost(by_chain), "the attempt was restored"

        listeners.deleted("ver_3")
        listeners.register("acme", "ver_1", ["ver_3"])
        assert lost(by_chain)


def test_a_limited_number_of_deletions_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.feeds.listeners.MAX_DELETED", 3)
    listeners = Listeners()

    for number in range(10):
        listeners.deleted(f"ver_{number}")

    assert [*listeners._deleted] == ["ver_7", "ver_8", "ver_9"]


def test_a_listener_that_ends_leaves_the_others_of_its_verification() -> None:
    listeners = Listeners()

    with listeners.listening(CHAIN, a_listener()) as by_chain:
        with listeners.listening(ID, a_listener()):
            pass
        listeners.deleted("ver_1")
        assert lost(by_chain)


def test_registering_attempts_of_a_chain_without_listeners_does_nothing() -> None:
    listeners = Listeners()

    listeners.register("acme", "ver_1", ["ver_1", "ver_2"])

    assert not listeners._topics
    assert not listeners._attempts


def test_a_removal_reaches_the_listeners_of_its_workspace_only() -> None:
    listeners = Listeners()

    with (
        listeners.listening(WORKSPACE, a_listener()) as ours,
        listeners.listening(("workspace", "other", None), a_listener()) as theirs,
        listeners.listening(ID, a_listener()) as by_id,
    ):
        listeners.removed("acme", "ver_1")

        assert [listener.removals() for listener in (ours, theirs, by_id)] == [["ver_1"], [], []]


class RecordingOutlet:
    """An outlet that takes every change, and records it in `taken`."""

    def __init__(self) -> None:
        self.taken: list[Change] = []

    def deliver(self, item: Change) -> bool:
        self.taken.append(item)
        return True


async def test_a_restored_state_wakes_the_reader_and_is_not_offered_to_its_outlet() -> None:
    listeners, verification, outlet = Listeners(), a_verification(id="ver_1"), RecordingOutlet()
    with listeners.listening(ID, a_listener()) as by_id:
        by_id.outlet = outlet
        reading = asyncio.create_task(by_id.changes())
        await asyncio.sleep(0)

        listeners.deliver(verification, 0)
        listeners.deliver(verification, 0, restored=1)

        assert await reading == [Change(verification, 0, restored=1)]
    assert outlet.taken == [Change(verification, 0)]


def test_only_listeners_to_workspaces_end_when_all_verifications_were_replaced() -> None:
    listeners = Listeners()
    with listeners.listening(ID, a_listener()) as by_id, listeners.listening(WORKSPACE, a_listener()) as everything:
        listeners.deliver(a_verification(id="ver_1"), 0)

        listeners.replaced()

        assert len(by_id.taken()) == 1
        with pytest.raises(Lagged, match="all verifications were replaced"):
            everything.taken()
