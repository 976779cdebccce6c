"""Tests that the fates of a soak run depend only on the seed, contain each kind of fault, and never make the gateway give up by themselves."""

from tests.soak.checker import UNANSWERED
from tests.soak.plan import KILLS, ON_CREATE, ON_READ, PERIODS, SENDINGS, fates


def test_the_same_seed_draws_the_same_fates() -> None:
    assert fates(7, 50) == fates(7, 50)
    assert fates(7, 50) != fates(8, 50)


def test_each_kind_of_fault_occurs_in_a_short_run() -> None:
    drawn = fates(7, 40)

    assert {fate.sending for fate in drawn} >= SENDINGS.keys()
    assert {fate.on_create for fate in drawn} >= ON_CREATE.keys()
    assert {fate.on_read for fate in drawn} >= ON_READ.keys()
    assert {fate.kill for fate in drawn} >= KILLS.keys()
    assert {fate.period for fate in drawn} >= PERIODS.keys()
    assert all({True, False} == {getattr(fate, name) for fate in drawn} for name in ("refused", "altered", "stale", "visits", "documented"))


def test_no_fate_leaves_two_creations_unanswered() -> None:
    # The gateway gives up after three requests without an answer, and a killed gateway can leave one more of them.
    assert all(len([fault for fault in fate.on_create if fault in UNANSWERED]) <= 1 for fate in fates(7, 500))
