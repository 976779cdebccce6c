from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

import schema
from simulation import parties
from simulation.parties import State

SDL = build_schema((Path(schema.__file__).parent / "schema.graphql").read_text(encoding="utf-8"))


@pytest.mark.parametrize("operation", ["CATALOGUE", "READ", "CREATE", "RETRY", "ANONYMIZE", "PROGRESS", "RESULT"])
def test_every_operation_of_the_simulation_is_valid_against_the_schema(operation: str) -> None:
    assert validate(SDL, parse(getattr(parties, operation))) == []


def test_a_state_is_parsed_from_a_verification() -> None:
    state = State.parsed(
        {
            "id": "ver_1",
            "status": "FAILED",
            "phase": "DONE",
            "attempt": 2,
            "version": 2,
            "canRetry": True,
            "reasons": [{"code": "IDVV_2101", "retryAdvice": "RETRY_OTHER_DOCUMENT"}],
            "events": [{"type": "CREATED"}, {"type": "STATUS_CHANGED"}],
        }
    )

    assert state.final
    assert state.last_event == "STATUS_CHANGED"
    assert (state.codes, state.advice) == (("IDVV_2101",), ("RETRY_OTHER_DOCUMENT",))
