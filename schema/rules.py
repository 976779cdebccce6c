"""Who may see a field, and what everybody else gets. Declared where the field is, enforced in gateway/operations/rights.py."""

from dataclasses import dataclass
from enum import Enum, auto

from domain.caller import Scope


class Otherwise(Enum):
    """What callers get who have none of a rule's scopes."""

    REFUSED = auto()  # An error FORBIDDEN for the field.
    NULL = auto()  # Null, without a word.
    NULL_WITH_ERROR = auto()  # Null, and one error FORBIDDEN for all such fields of an operation.
    NOTHING_INTERNAL = auto()  # The list without what is internal.
    NOTHING_IGNORED = auto()  # Nothing, where the event is a result that was ignored.


@dataclass(frozen=True, slots=True)
class Rule:
    """A caller needs one of the scopes; the rest get what `otherwise` says. `description` says it in the field's description."""

    scopes: frozenset[Scope]
    otherwise: Otherwise
    description: str


def needing(*scopes: Scope) -> Rule:
    """Refused without one of the scopes."""
    return Rule(frozenset(scopes), Otherwise.REFUSED, f"Needs {' or '.join(sorted(f'`{scope.value}`' for scope in scopes))}.")


SENSITIVE_SCOPE = frozenset({Scope.SENSITIVE})
COMPANY_SCOPES = frozenset(Scope) - {Scope.FOLLOW}

# Whoever was given the object that the field is of, or, at a root, has a token.
ANYONE = Rule(frozenset(Scope), Otherwise.REFUSED, "")
READ = needing(Scope.READ)
FOLLOW = needing(Scope.READ, Scope.FOLLOW)
WRITE = needing(Scope.WRITE)
REPORT = needing(Scope.REPORT)
SENSITIVE = Rule(SENSITIVE_SCOPE, Otherwise.NULL_WITH_ERROR, "Null without `verification:sensitive`.")
NOT_INTERNAL = Rule(SENSITIVE_SCOPE, Otherwise.NOTHING_INTERNAL, "Internal ones need `verification:sensitive`.")
COMPANY = Rule(COMPANY_SCOPES, Otherwise.NULL, "Null for the individual.")
OWN_OUTCOME = Rule(COMPANY_SCOPES, Otherwise.NOTHING_IGNORED, "Of a result that was ignored, the individual learns no more than that.")
