"""Tests that personal data stay encrypted unless a rule needs them: only a retry that reuses a name decrypts it."""

from dataclasses import replace
from typing import NoReturn

import pytest

from domain.event import Actor, Progress
from domain.identity import DeclaredIdentity
from tests.factories import FAILED_RESULT, NOON, VERIFIED_RESULT, WINDOWS, a_final_verification, a_verification, later, retried


class Closed:
    """Stands for encrypted personal data. The test fails if they are decrypted."""

    def open(self) -> NoReturn:
        raise AssertionError("personal data were opened")


def test_no_rule_opens_personal_data_that_it_does_not_need() -> None:
    pending = replace(a_verification(), declared=Closed(), extracted=Closed())
    opened = pending.progressed(Progress.LINK_OPENED, WINDOWS, NOON)

    for final in (opened.concluded(FAILED_RESULT, NOON), opened.expired(later(days=7))):
        before, retry = retried(final, first_name="Ada", last_name="Byron")
        late = before.concluded(VERIFIED_RESULT, later(days=8))

        assert isinstance(late.declared, Closed)
        assert retry.declared == DeclaredIdentity("Ada", "Byron")
        assert late.anonymized(Actor.SYSTEM, later(days=9)).declared is None


def test_a_retry_opens_the_names_that_it_reuses() -> None:
    final = replace(a_final_verification(), declared=Closed())

    for names in ({}, {"first_name": "Ada"}, {"last_name": "Byron"}):
        with pytest.raises(AssertionError):
            retried(final, NOON, **names)
