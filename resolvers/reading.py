"""What of the verifications in an answer will be needed, so that no more of them is read."""

import re
from functools import lru_cache

from resolvers.context import Info

VERIFICATION = "Verification"
# What resolvers ask of a verification, where that isn't an attribute with the name of the field.
ASKED = {
    "workspaceId": ("workspace",),
    "declaredIdentity": ("declared",),
    "extractedDocument": ("extracted",),
    "previousAttempt": ("chain", "attempt", "previous"),
    "nextAttempt": ("chain", "attempt", "next"),
    "attempts": ("chain", "attempt", "next"),
}
CAPITAL = re.compile("[A-Z]")


def reading(info: Info) -> frozenset[str] | None:
    """The attributes that the operation asks of verifications anywhere; None where that isn't known."""
    selected = selected_in(info)
    return None if selected is None else attributes(selected)


def selects(info: Info, type: str, field: str) -> bool:
    """Whether the operation asks for a field anywhere; it may where that isn't known."""
    selected = selected_in(info)
    return selected is None or (type, field) in selected


def selected_in(info: Info) -> frozenset[tuple[str, str]] | None:
    """The fields that the operation selects anywhere, as pairs of type and field; None where that isn't known."""
    selected: frozenset[tuple[str, str]] | None = getattr(info._raw_info, "selected", None)
    return selected


@lru_cache(1000)
def attributes(selected: frozenset[tuple[str, str]]) -> frozenset[str]:
    """The attributes behind the fields that are selected."""
    names = [field for type, field in selected if type == VERIFICATION]
    return frozenset(attribute for name in names for attribute in ASKED.get(name) or (CAPITAL.sub(lambda found: f"_{found[0].lower()}", name),))
