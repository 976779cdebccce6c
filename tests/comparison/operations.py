"""Generates random plain operations of a schema. For the terms, see tests/comparison/README.md."""

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    is_composite_type,
    is_required_argument,
)
from graphql import parse as parsed

from tests.comparison.literals import Inputs

MAX_DEPTH = 4
# The probability that a generated operation contains introspection. The compiler does not compile such an operation: graphql-core executes it.
INTROSPECTIVE = 0.01
# The possible limits for the number of fields of an operation. One of them is chosen for each operation at random.
FIELDS = (2, 4, 8, 16, 32)
Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


class Plain:
    """Generates random plain operations of a schema."""

    def __init__(self, schema: GraphQLSchema, inputs: Inputs) -> None:
        self._schema = schema
        self._random = inputs.random
        self._inputs = inputs
        self._left = 0

    def operation(self, type: OperationType) -> str:
        """Generate a plain operation.

        It may select the same field twice on one object, with different arguments. Under one response name they would conflict, so most fields with
        arguments get an alias.
        """
        self._left = self._random.choice(FIELDS)
        root = self._schema.get_root_type(type)
        assert root
        max_fields = 1 if type is OperationType.SUBSCRIPTION else self._random.randint(1, 8)
        if type is OperationType.QUERY and self._random.random() < INTROSPECTIVE:
            return "{ __schema { queryType { name } } __typename }"
        return f"{type.value} {self._selected(root, 0, max_fields)}"

    def _selected(self, type: Composite, depth: int, max_fields: int) -> str:
        random = self._random
        parts = []
        if not isinstance(type, GraphQLUnionType):
            names = [name for name, field in type.fields.items() if depth < MAX_DEPTH or not is_composite_type(get_named_type(field.type))]
            random.shuffle(names)
            parts = [text for name in names[:max_fields] if (text := self._field(type, name, depth))]
        if depth and not isinstance(type, GraphQLObjectType):
            possible: list[Composite] = list(self._schema.get_possible_types(type))
            possible += [] if isinstance(type, GraphQLUnionType) else list(self._schema.get_implementations(type).interfaces)
            parts += [f"... on {each.name} {self._selected(each, depth + 1, 2)}" for each in possible if random.random() < 0.6]
        return f"{{ {' '.join(parts or ['__typename'])} }}"

    def _field(self, type: GraphQLObjectType | GraphQLInterfaceType, name: str, depth: int) -> str:
        self._left -= 1
        if self._left < 0:
            return ""
        field, random = type.fields[name], self._random
        literals = {
            argument: self._inputs.literal(each.type) for argument, each in field.args.items() if is_required_argument(each) or random.random() < 0.4
        }
        arguments = f"({', '.join(f'{argument}: {literal}' for argument, literal in literals.items())})" if literals else ""
        alias = f"p{self._left}: " if literals and random.random() < 0.8 else ""
        inside = get_named_type(field.type)
        below = self._selected(inside, depth + 1, random.choice((1, 2, 3, 4, 6, 12))) if isinstance(inside, Composite) else ""
        return f"{alias}{name}{arguments} {below}"


def plain_operations(text: str) -> list[OperationDefinitionNode]:
    """Parse a document, and return its operations."""
    return [definition for definition in parsed(text).definitions if isinstance(definition, OperationDefinitionNode)]
