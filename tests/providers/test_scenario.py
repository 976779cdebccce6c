"""Tests which scenario of the sandbox a person's first name chooses."""

import pytest

from domain.errors import InvalidInput
from domain.reasons import CATALOGUE
from domain.status import Status
from providers.scenario import DELAY_SECONDS, LATE_SECONDS, Scenario


@pytest.mark.parametrize("name", ["Jeanne", "Sandbox", "sandbox", " sandbox:verified", "SANDBOX:verified", ""])
def test_an_ordinary_name_is_no_scenario(name: str) -> None:
    assert Scenario.named(name) is None


@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        ("sandbox:verified", Scenario(Status.VERIFIED)),
        ("sandbox:failed", Scenario(Status.FAILED)),
        ("sandbox:IDVV_2101", Scenario(Status.FAILED, ("IDVV_2101",))),
        ("sandbox:failed:IDVV_1201", Scenario(Status.FAILED, ("IDVV_1201",))),
        ("sandbox:inconclusive:IDVV_1201", Scenario(Status.INCONCLUSIVE, ("IDVV_1201",))),
        ("sandbox:failed:IDVV_2101,NEW_CODE", Scenario(Status.FAILED, ("IDVV_2101", "NEW_CODE"))),
        ("sandbox:verified+duplicated+late", Scenario(Status.VERIFIED, (), frozenset({"duplicated", "late"}))),
    ],
)
def test_a_name_chooses_an_outcome_and_faults(name: str, scenario: Scenario) -> None:
    assert Scenario.named(name) == scenario


def test_every_row_of_the_catalogue_can_be_chosen() -> None:
    rows = [(code, status) for code, reason in CATALOGUE.items() for status in reason.statuses]

    assert len(rows) == 42
    for code, status in rows:
        assert Scenario.named(f"sandbox:{status.value}:{code}") == Scenario(status, (code,))
    assert [code for code, reason in CATALOGUE.items() if len(reason.statuses) == 1 and not Scenario.named(f"sandbox:{code}")] == []


@pytest.mark.parametrize(
    "name",
    [
        "sandbox:",
        "sandbox:pending",
        "sandbox:IDVV_1201",
        "sandbox:NEW_CODE",
        "sandbox:verified+slow",
        "sandbox:verified late",
        "sandbox:failed:",
        "sandbox:verified+early+reordered",
        "sandbox:verified\n",
    ],
)
def test_a_misspelled_scenario_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Scenario.named(name)

    assert refused.value.field == "firstName"


def test_a_late_scenario_waits_longer() -> None:
    late, usual = Scenario.named("sandbox:verified+late"), Scenario.named("sandbox:verified")

    assert late
    assert usual
    assert (late.delay_seconds, usual.delay_seconds) == (LATE_SECONDS, DELAY_SECONDS)
