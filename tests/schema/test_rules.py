"""Tests the rules that restrict who may see a field: their descriptions and their scopes."""

import pytest

from domain.caller import Scope
from schema.rules import ANYONE, COMPANY, OWN_OUTCOME, AccessRule, Otherwise, needing


def test_the_description_of_a_rule_lists_its_scopes_in_alphabetical_order() -> None:
    assert needing(Scope.READ, Scope.FOLLOW).description == "Needs `verification:follow` or `verification:read`."
    assert needing(Scope.READ, Scope.FOLLOW).otherwise is Otherwise.REFUSED


@pytest.mark.parametrize("scope", Scope)
def test_every_scope_satisfies_the_rule_without_a_restriction(scope: Scope) -> None:
    assert scope in ANYONE.scopes
    assert ANYONE.description == ""


@pytest.mark.parametrize("rule", [COMPANY, OWN_OUTCOME])
def test_only_a_follow_token_is_restricted_by_the_rules_for_companies(rule: AccessRule) -> None:
    assert set(Scope) - rule.scopes == {Scope.FOLLOW}
