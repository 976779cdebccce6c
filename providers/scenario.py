"""The scenarios of the sandbox: an automated test chooses an outcome, and faults of its delivery, by the first name of the person."""

import re
from dataclasses import dataclass
from typing import Self

from domain.errors import InvalidInput
from domain.reasons import CATALOGUE, CODE
from domain.status import Status

SCENARIO_PREFIX = "sandbox:"
SCENARIO = re.compile(r"sandbox:(?:(?P<status>verified|failed|inconclusive)(?::(?P<codes>[A-Z0-9_,]+))?|(?P<code>[A-Z0-9_]+))(?P<faults>(\+[a-z]+)*)")
# Faults of a webhook's delivery. `late`: the webhook arrives after a minute. `duplicated`: COPIES webhooks with the same event arrive at the same
# time. `reordered`: another webhook follows that contradicts it. `lost`: it never arrives. `early`: it arrives before the verification is stored.
FAULTS = frozenset({"late", "duplicated", "reordered", "lost", "early"})
DELAY_SECONDS, LATE_SECONDS = 2.0, 60.0
COPIES = 5


@dataclass(frozen=True, slots=True)
class Scenario:
    """An outcome, and the faults with which its webhook is delivered."""

    status: Status
    codes: tuple[str, ...] = ()
    faults: frozenset[str] = frozenset()

    @classmethod
    def named(cls, first_name: str) -> Self | None:
        """The scenario that a first name chooses; None for an ordinary name.

        Raises: InvalidInput if the name begins with "sandbox:", but names no scenario.
        """
        if not first_name.startswith(SCENARIO_PREFIX):
            return None
        found = SCENARIO.fullmatch(first_name)
        if not found:
            raise InvalidInput("firstName", f"begins with {SCENARIO_PREFIX}, but is no scenario of the sandbox; docs/providers.md lists them")
        faults = frozenset(found["faults"].split("+")[1:])
        if unfamiliar := sorted(faults - FAULTS):
            raise InvalidInput("firstName", f"names the fault {unfamiliar[0]!r}; the sandbox has {', '.join(sorted(FAULTS))}")
        if {"early", "reordered"} <= faults:
            raise InvalidInput("firstName", "names the faults early and reordered, which can't be combined")
        status = Status[found["status"].upper()] if found["status"] else only_status(found["code"])
        codes = (found["codes"] or found["code"] or "").split(",")
        return cls(status, tuple(code for code in codes if CODE.fullmatch(code)), faults)

    @property
    def delay_seconds(self) -> float:
        """How long after the creation the webhook is sent, unless it has the fault `early`."""
        return LATE_SECONDS if "late" in self.faults else DELAY_SECONDS


def only_status(code: str) -> Status:
    """The status with which a reason code may occur. Raises: InvalidInput if there are several such statuses, or if the catalogue lacks the code."""
    reason = CATALOGUE.get(code)
    if not reason or len(reason.statuses) > 1:
        raise InvalidInput(
            "firstName", f"names {code} without a status; write {SCENARIO_PREFIX}failed:{code} or {SCENARIO_PREFIX}inconclusive:{code}"
        )
    return next(iter(reason.statuses))
