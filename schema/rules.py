"""The rules that restrict who may see a field. Each field declares its rules, and gateway/operations/rights.py enforces them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from domain.caller import Scope


class Otherwise(Enum):
    """What a caller who has none of the rule's scopes receives instead of the field's value."""

    REFUSED = auto()  # The field has the error FORBIDDEN.
    NULL = auto()  # The field is null, without an error.
    NULL_WITH_ERROR = auto()  # The field is null. One error FORBIDDEN is reported for all such fields of an operation.
    NOTHING_INTERNAL = auto()  # The field is the list without its internal items.
    NO_CLOSING_NOTE = auto()  # If the integrator closed the verification with the event, the field is null. For other events, it has its value.
    DISCLOSED = auto()  # The field has the value that the rule's function `disclosed` returns. It reveals nothing that the caller may not see.
    NOTHING_IGNORED = auto()  # If the event is RESULT_IGNORED, the field is null or an empty list. For other events, the field has its value.


@dataclass(frozen=True, slots=True)
class AccessRule:
    """A restriction of a field: a caller needs at least one of the scopes, and `otherwise` is what all other callers receive.

    `description` explains the rule to clients. It is appended to the field's description. `disclosed` computes the value of the field for these other
    callers from the parent object, if `otherwise` is DISCLOSED.
    """

    scopes: frozenset[Scope]
    otherwise: Otherwise
    description: str
    disclosed: Callable[[Any], Any] | None = None


def needing(*scopes: Scope) -> AccessRule:
    """A rule that refuses the field to every caller who has none of these scopes."""
    return AccessRule(frozenset(scopes), Otherwise.REFUSED, f"Needs {' or '.join(sorted(f'`{scope.value}`' for scope in scopes))}.")


def disclosing(value: Callable[[Any], Any], description: str) -> AccessRule:
    """A rule that computes another value of the field for callers who may not see internal reasons. The value must not depend on such reasons."""
    return AccessRule(SENSITIVE_SCOPE, Otherwise.DISCLOSED, description, value)


def disclosing_to_individual(value: Callable[[Any], Any], description: str) -> AccessRule:
    """A rule that computes another value of the field for follow tokens. The value must not depend on ignored results, nor on internal reasons."""
    return AccessRule(COMPANY_SCOPES, Otherwise.DISCLOSED, description, value)


SENSITIVE_SCOPE = frozenset({Scope.SENSITIVE})
COMPANY_SCOPES = frozenset(Scope) - {Scope.FOLLOW}

# No restriction: every caller who can read the parent object may read the field. For a field of a root type, the caller needs a valid token.
ANYONE = AccessRule(frozenset(Scope), Otherwise.REFUSED, "")
READ = needing(Scope.READ)
FOLLOW = needing(Scope.READ, Scope.FOLLOW)
WRITE = needing(Scope.WRITE)
REPORT = needing(Scope.REPORT)
SENSITIVE = AccessRule(SENSITIVE_SCOPE, Otherwise.NULL_WITH_ERROR, "Null without `verification:sensitive`.")
NOT_INTERNAL = AccessRule(SENSITIVE_SCOPE, Otherwise.NOTHING_INTERNAL, "Internal reasons are left out without `verification:sensitive`.")
COMPANY = AccessRule(COMPANY_SCOPES, Otherwise.NULL, "Always null with a follow token.")
CLOSING = AccessRule(
    SENSITIVE_SCOPE, Otherwise.NO_CLOSING_NOTE, "The text written when the verification was closed is null without `verification:sensitive`."
)
OWN_OUTCOME = AccessRule(COMPANY_SCOPES, Otherwise.NOTHING_IGNORED, "Empty or null with a follow token if the event is `RESULT_IGNORED`.")
