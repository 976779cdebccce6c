"""The rules that restrict who may see a field. They are declared at the field and enforced in gateway/operations/rights.py."""

from dataclasses import dataclass
from enum import Enum, auto

from domain.caller import Scope


class Otherwise(Enum):
    """The result of a field for a caller who has none of the rule's scopes."""

    REFUSED = auto()  # The error FORBIDDEN for the field.
    NULL = auto()  # Null, without an error.
    NULL_WITH_ERROR = auto()  # Null, and one error FORBIDDEN for all such fields of an operation.
    NOTHING_INTERNAL = auto()  # The list without its internal items.
    NOTHING_IGNORED = auto()  # Null or an empty list if the event is a result that was ignored.


@dataclass(frozen=True, slots=True)
class Rule:
    """The scopes of which a caller needs one, and the result for all other callers. `description` is appended to the field's description."""

    scopes: frozenset[Scope]
    otherwise: Otherwise
    description: str


def needing(*scopes: Scope) -> Rule:
    """A rule that refuses the field to callers without any of the scopes."""
    return Rule(frozenset(scopes), Otherwise.REFUSED, f"Needs {' or '.join(sorted(f'`{scope.value}`' for scope in scopes))}.")


SENSITIVE_SCOPE = frozenset({Scope.SENSITIVE})
COMPANY_SCOPES = frozenset(Scope) - {Scope.FOLLOW}

# No restriction: every caller who can read the parent object may read the field. A field of a root needs a token.
ANYONE = Rule(frozenset(Scope), Otherwise.REFUSED, "")
READ = needing(Scope.READ)
FOLLOW = needing(Scope.READ, Scope.FOLLOW)
WRITE = needing(Scope.WRITE)
REPORT = needing(Scope.REPORT)
SENSITIVE = Rule(SENSITIVE_SCOPE, Otherwise.NULL_WITH_ERROR, "Null without `verification:sensitive`.")
NOT_INTERNAL = Rule(SENSITIVE_SCOPE, Otherwise.NOTHING_INTERNAL, "Internal reasons are left out without `verification:sensitive`.")
COMPANY = Rule(COMPANY_SCOPES, Otherwise.NULL, "Always null with a follow token.")
OWN_OUTCOME = Rule(COMPANY_SCOPES, Otherwise.NOTHING_IGNORED, "Empty or null with a follow token if the event is `RESULT_IGNORED`.")
