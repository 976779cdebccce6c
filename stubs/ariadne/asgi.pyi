from collections.abc import Callable
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSchema
from starlette.types import Receive, Scope, Send

class GraphQL:
    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        context_value: Callable[..., Any] | None = None,
        query_parser: Callable[[Any, dict[str, Any]], DocumentNode] | None = None,
        query_validator: Callable[..., list[GraphQLError]] | None = None,
    ) -> None: ...
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...
