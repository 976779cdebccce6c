"""The parts of Ariadne that the benchmark uses. Ariadne is installed only for the benchmark."""

from collections.abc import Callable
from typing import Any, TypeVar

from graphql import GraphQLSchema

F = TypeVar("F", bound=Callable[..., Any])

class ObjectType:
    def __init__(self, name: str) -> None: ...
    def field(self, name: str) -> Callable[[F], F]: ...
    def set_field(self, name: str, resolver: F) -> F: ...

class QueryType(ObjectType):
    def __init__(self) -> None: ...

class ScalarType:
    def __init__(self, name: str, *, serializer: Callable[[Any], Any] | None = None) -> None: ...

def make_executable_schema(type_defs: str, *bindables: ObjectType | ScalarType) -> GraphQLSchema: ...
