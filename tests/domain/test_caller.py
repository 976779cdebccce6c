"""Tests which scope a caller needs to see internal reasons."""

import pytest

from domain.caller import Caller, Scope


@pytest.mark.parametrize("scope", Scope)
def test_only_the_sensitive_scope_shows_internal_reasons(scope: Scope) -> None:
    caller = Caller("someone", "acme", frozenset({scope}))

    assert caller.sees_internals is (scope is Scope.SENSITIVE)
