"""How an instant is written."""

from datetime import UTC, datetime

import strawberry
from graphql import GraphQLError


def read(text: object) -> datetime:
    """An instant of ISO 8601 that names its zone, in UTC."""
    try:
        instant = datetime.fromisoformat(text) if isinstance(text, str) else None
        if instant and instant.tzinfo:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise GraphQLError("a DateTime is ISO 8601 with its zone, such as 2026-01-31T12:00:00Z", extensions={"code": "BAD_USER_INPUT"})


DateTime = strawberry.scalar(
    name="DateTime",
    description="An instant in UTC, ISO 8601 with its zone, to the millisecond. One without a zone is refused.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time",
    serialize=datetime.isoformat,
    parse_value=read,
)
