"""The arguments of a field, prepared as far as they don't depend on a request."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from graphql import GraphQLArgument, GraphQLError, GraphQLField, ValueNode, VariableNode, is_non_null_type, is_required_argument
from graphql.execution.values import VariableValues, coerce_argument, get_argument_values
from graphql.language import ArgumentNode, FieldNode
from strawberry.relay.types import GlobalID
from strawberry.scalars import is_scalar
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument, convert_argument, convert_arguments
from strawberry.types.base import StrawberryMaybe, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition

from compiler.run import Run

# What no resolver can change, so that all requests may have the same.
UNCHANGING = (str, int, float, bool, type(None))
MISSING = object()


class Unprepared(Exception):
    """An argument that has to be looked at anew in each request."""


class Variable(NamedTuple):
    """An argument that is a variable, and what it is where the variable isn't given: MISSING where it is left out then, or that is an error."""

    parameter: str
    name: str
    not_null: bool
    otherwise: Any


class Arguments:
    """What a resolver is called with for a field's arguments, by its parameters' names."""

    def __init__(self, field: GraphQLField, node: FieldNode, convert: "Converter | None") -> None:
        self._field = field
        self._node = node
        self._convert = convert
        self.constant: dict[str, Any] = {}
        self.variables: list[Variable] = []
        self.prepared = True
        try:
            self._prepare()
        except (Unprepared, GraphQLError):
            # What is wrong with it is said in each request.
            self.prepared = False

    def __call__(self, run: Run, info: Callable[[], Any]) -> dict[str, Any]:
        """The arguments in one request. Raises: GraphQLError."""
        if not self.prepared:
            return self._anew(run, info)
        given = dict(self.constant)
        for parameter, name, not_null, otherwise in self.variables:
            value = run.variables.get(name, otherwise)
            if not_null and (value is MISSING or value is None):
                return self._anew(run, info)
            if value is MISSING:
                del given[parameter]
            else:
                given[parameter] = value
        return given

    def _anew(self, run: Run, info: Callable[[], Any]) -> dict[str, Any]:
        values = get_argument_values(self._field, self._node, run.variable_values, None, run.operation.hide_suggestions)
        return self._convert.all(values, info()) if self._convert else values

    def _prepare(self) -> None:
        given = {argument.name.value: argument for argument in self._node.arguments or ()}
        for name, argument in self._field.args.items():
            node = given.get(name)
            parameter = self._parameter(name, argument)
            if node and isinstance(node.value, VariableNode):
                if parameter is None or (self._convert and not self._convert.unchanged(name)):
                    raise Unprepared
                otherwise = MISSING if is_required_argument(argument) else self._constant(name, argument, None)
                # Its place among the others, which resolvers that take any can see.
                self.constant[parameter] = MISSING
                self.variables.append(Variable(parameter, node.value.name.value, is_non_null_type(argument.type), otherwise))
            elif (value := self._constant(name, argument, node)) is not MISSING and parameter is not None:
                self.constant[parameter] = value

    def _parameter(self, name: str, argument: GraphQLArgument) -> str | None:
        return self._convert.parameter(name) if self._convert else (argument.out_name or name)

    def _constant(self, name: str, argument: GraphQLArgument, node: ArgumentNode | None) -> Any:
        """What the argument is in every request; MISSING where it is left out. Raises: Unprepared, GraphQLError."""
        if node and holds_variable(node.value):
            raise Unprepared
        values: dict[str, Any] = {}
        coerce_argument(values, self._node, name, argument, node, VariableValues({}, {}), None)
        if not values:
            return MISSING
        [value] = values.values()
        converted = self._convert.one(name, value) if self._convert else value
        if not isinstance(converted, Enum) and converted.__class__ not in UNCHANGING:
            raise Unprepared
        return converted


class Converter:
    """How Strawberry converts the arguments of one of its fields."""

    def __init__(self, converter: GraphQLCoreConverter, arguments: list[StrawberryArgument]) -> None:
        self._converter = converter
        self._arguments = arguments
        self._named: Mapping[str, StrawberryArgument] = {converter.config.name_converter.from_argument(each): each for each in arguments}

    def parameter(self, name: str) -> str | None:
        """The parameter of the argument with this name in the schema."""
        return self._named[name].python_name if name in self._named else None

    def unchanged(self, name: str) -> bool:
        """Whether values of the argument reach the resolver as graphql-core has them."""
        type: Any = self._named[name].type
        if isinstance(type, StrawberryOptional) and not isinstance(type, StrawberryMaybe):
            type = type.of_type
        if isinstance(type, StrawberryOptional) or type is GlobalID:
            return False
        return isinstance(type, StrawberryEnumDefinition) or is_scalar(type, self._converter.scalar_registry)

    def one(self, name: str, value: Any) -> Any:
        """One converted value. Raises: Unprepared where the argument is none of the resolver's."""
        if name not in self._named:
            raise Unprepared
        return convert_argument(value, self._named[name].type, self._converter.scalar_registry, self._converter.config)

    def all(self, values: dict[str, Any], info: Any) -> dict[str, Any]:
        """All arguments, converted."""
        return convert_arguments(values, self._arguments, scalar_registry=self._converter.scalar_registry, config=self._converter.config, info=info)


def holds_variable(node: ValueNode) -> bool:
    """Whether there is a variable anywhere in a literal."""
    waiting: list[Any] = [node]
    while waiting:
        value = waiting.pop()
        if isinstance(value, VariableNode):
            return True
        waiting += getattr(value, "values", ())
        waiting += [field.value for field in getattr(value, "fields", ())]
    return False
