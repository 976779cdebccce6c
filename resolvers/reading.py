"""Determines which attributes of verifications an operation needs, so that the store reads and decodes only these attributes."""

import re
from functools import lru_cache

from resolvers.context import Info

VERIFICATION = "Verification"
# For GraphQL fields of `Verification`: the attributes of `domain.Verification` that the field reads. A field that is not listed here reads the
# attribute of its own name in snake_case.
FIELD_ATTRIBUTES = {
    "workspaceId": ("workspace",),
    "retryAdvice": ("status", "reasons"),
    "declaredIdentity": ("declared",),
    "extractedDocument": ("extracted",),
    "previousAttempt": ("chain", "attempt", "previous"),
    "nextAttempt": ("chain", "attempt", "next"),
    "attempts": ("chain", "attempt", "next"),
}
CAPITAL = re.compile("[A-Z]")


def reading(info: Info) -> frozenset[str] | None:
    """The attributes of verifications that the operation's selected fields read. None: all of them, because graphql-core executes the operation.

    See `selected_in`.
    """
    selected = selected_in(info)
    return None if selected is None else attributes(selected)


def selects(info: Info, type: str, field: str) -> bool:
    """Whether the operation selects this field of this type anywhere. Also True if graphql-core executes the operation (see `selected_in`)."""
    selected = selected_in(info)
    return selected is None or (type, field) in selected


def selected_in(info: Info) -> frozenset[tuple[str, str]] | None:
    """All fields that the operation selects, as pairs of type and field.

    Only compiled operations (see compiler/README.md) collect these pairs. If graphql-core executes the operation, its fields are not listed
    anywhere, and the result is None.
    """
    selected: frozenset[tuple[str, str]] | None = getattr(info._raw_info, "selected", None)
    return selected


@lru_cache(1000)
def attributes(selected: frozenset[tuple[str, str]]) -> frozenset[str]:
    """The attributes of verifications that the selected fields read."""
    names = [field for type, field in selected if type == VERIFICATION]
    return frozenset(
        attribute for name in names for attribute in FIELD_ATTRIBUTES.get(name) or (CAPITAL.sub(lambda match: f"_{match[0].lower()}", name),)
    )
