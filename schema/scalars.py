"""The scalar `DateTime`, for instants."""

from datetime import datetime

import strawberry
from graphql import GraphQLError, StringValueNode, ValueNode

from domain.instant import instant_text, read_instant

WRONG = "a DateTime is a string with date, time and offset as in RFC 3339, to the millisecond, such as 2026-01-31T12:00:00.000Z"


def parse_instant(value: object) -> datetime:
    """The instant that a client sent in a variable, in UTC. Raises: GraphQLError."""
    return instant_in(value, None)


def parse_literal(node: ValueNode, variables: object = None) -> datetime:
    """The instant that a client wrote in its operation document, in UTC. Raises: GraphQLError."""
    return instant_in(node.value if isinstance(node, StringValueNode) else None, node)


def instant_in(value: object, node: ValueNode | None) -> datetime:
    """The instant that the text `value` names, in UTC. Raises: GraphQLError if `value` is no such text.

    `node`: the literal in the operation document, which the error then names; None if the value came in a variable.
    """
    try:
        if isinstance(value, str):
            return read_instant(value)
    except ValueError:
        pass
    raise GraphQLError(WRONG, node, extensions={"code": "BAD_USER_INPUT"})


DateTime = strawberry.scalar(
    name="DateTime",
    description=(
        "An instant, to the millisecond. Outputs are in UTC with exactly three digits for the fraction of a second, such as"
        " 2026-01-31T12:00:00.000Z. Inputs are dates and times of RFC 3339 with an offset. The fraction may be left out;"
        " digits after the third are cut off."
    ),
    specified_by_url="https://scalars.graphql.org/andimarek/date-time",
    serialize=instant_text,
    parse_value=parse_instant,
    parse_literal=parse_literal,
)
