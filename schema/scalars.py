"""The scalar for instants."""

from datetime import UTC, datetime

import strawberry
from graphql import GraphQLError


def read(text: object) -> datetime:
    """The instant in a text of ISO 8601 with a time zone, in UTC."""
    try:
        instant = datetime.fromisoformat(text) if isinstance(text, str) else None
        if instant and instant.tzinfo:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise GraphQLError("a DateTime must be ISO 8601 with a time zone, such as 2026-01-31T12:00:00Z", extensions={"code": "BAD_USER_INPUT"})


DateTime = strawberry.scalar(
    name="DateTime",
    description="An instant in ISO 8601, to the millisecond. Outputs are in UTC; an input without a time zone is not accepted.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time",
    serialize=datetime.isoformat,
    parse_value=read,
)
