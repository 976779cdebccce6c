"""What `gateway explain` prints about an operation document."""

import pytest

from domain.caller import Scope
from gateway.commands.explain import explanation
from gateway.errors import RequestRefused

SCOPES = frozenset({Scope.READ})


def test_every_operation_has_its_cost_and_a_plan_that_is_valid_python() -> None:
    document = "query Me { me { subject } } subscription Changes { verificationsUpdated { cursor } }"

    lines = list(explanation(document, SCOPES))

    assert [line.partition(":")[0] for line in lines[::2]] == ["# query Me", "# subscription Changes"]
    assert "costs" in lines[0]
    for plan in lines[1::2]:
        compile(plan, "plan", "exec")


def test_the_plan_of_a_subscription_is_marked_as_executed_for_each_event() -> None:
    [_, query] = explanation("{ me { subject } }", SCOPES)
    [_, subscription] = explanation("subscription { verificationsUpdated { cursor } }", SCOPES)

    assert "executed for each event" not in query
    assert subscription.startswith("# executed for each event\n")


def test_an_invalid_document_is_refused() -> None:
    with pytest.raises(RequestRefused):
        list(explanation("{ user { name } }", SCOPES))
