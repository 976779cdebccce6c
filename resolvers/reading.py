"""The attributes of verifications that an operation needs, so that the store reads and decodes no others."""

import re
from functools import lru_cache

from resolvers.context import Info

VERIFICATION = "Verification"
# The attributes behind a field of a verification, for fields that do not read one attribute of the same name.
ATTRIBUTES = {
    "workspaceId": ("workspace",),
    "declaredIdentity": ("declared",),
    "extractedDocument": ("extracted",),
    "previousAttempt": ("chain", "attempt", "previous"),
    "nextAttempt": ("chain", "attempt", "next"),
    "attempts": ("chain", "attempt", "next"),
}
CAPITAL = re.compile("[A-Z]")


def reading(info: Info) -> frozenset[str] | None:
    """The attributes of verifications that the operation needs anywhere; None means all, if the selected fields are not available."""
    selected = selected_in(info)
    return None if selected is None else attributes(selected)


def selects(info: Info, type: str, field: str) -> bool:
    """Whether the operation selects a field anywhere; True if the selected fields are not available."""
    selected = selected_in(info)
    return selected is None or (type, field) in selected


def selected_in(info: Info) -> frozenset[tuple[str, str]] | None:
    """The fields that the operation selects anywhere, as pairs of type and field; None if they are not available."""
    selected: frozenset[tuple[str, str]] | None = getattr(info._raw_info, "selected", None)
    return selected


@lru_cache(1000)
def attributes(selected: frozenset[tuple[str, str]]) -> frozenset[str]:
    """The attributes behind the selected fields."""
    names = [field for type, field in selected if type == VERIFICATION]
    return frozenset(attribute for name in names for attribute in ATTRIBUTES.get(name) or (CAPITAL.sub(lambda match: f"_{match[0].lower()}", name),))
