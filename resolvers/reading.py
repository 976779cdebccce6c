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
    selected: frozenset[tuple[str, str]] | None = getattr(info._raw_info, "selected", None)
    return None if selected is None else attributes(selected)


@lru_cache(1000)
def attributes(selected: frozenset[tuple[str, str]]) -> frozenset[str]:
    """The attributes behind the fields that are selected."""
    names = [field for type, field in selected if type == VERIFICATION]
    return frozenset(attribute for name in names for attribute in ASKED.get(name) or (CAPITAL.sub(lambda found: f"_{found[0].lower()}", name),))
