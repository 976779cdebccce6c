"""The scalar `DateTime`, for instants."""

from datetime import UTC, datetime

import strawberry
from graphql import GraphQLError


def parse_instant(text: object) -> datetime:
    """Parse an instant that a client sent as ISO 8601 with a time zone. Returns the instant in UTC. Raises: GraphQLError."""
    try:
        instant = datetime.fromisoformat(text) if isinstance(text, str) else None
        if instant and instant.tzinfo:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise GraphQLError("a DateTime must be ISO 8601 with a time zone, such as 2026-01-31T12:00:00Z", extensions={"code": "BAD_USER_INPUT"})


DateTime = strawberry.scalar(
    name="DateTime",
    description="An instant in ISO 8601, to the millisecond. Outputs are in UTC. Inputs must contain a time zone.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time",
    serialize=datetime.isoformat,
    parse_value=parse_instant,
)
