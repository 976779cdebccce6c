"""Prepares the arguments of a field when its operation is compiled, except for the parts that depend on the request."""

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

# Classes of immutable values. No resolver can change such a value, so all requests share one prepared value.
UNCHANGING = (str, int, float, bool, type(None))
# Marks an argument or a variable without a value. None is a value: GraphQL's null.
NO_ARGUMENT = object()


class Unprepared(Exception):
    """An argument can't be prepared when the operation is compiled. Each request then coerces all arguments of the field."""


class Variable(NamedTuple):
    """An argument whose value is a variable.

    `parameter`: the resolver's parameter. `name`: the variable's name. `not_null`: whether the argument must not be null.
    `if_missing`: the argument's value if the request gives the variable no value. NO_ARGUMENT leaves the argument out; if the argument is
    required, the field fails instead.
    """

    parameter: str
    name: str
    not_null: bool
    if_missing: Any


class Arguments:
    """Makes the keyword arguments for the call of a field's resolver. The keys are the names of the resolver's parameters.

    `convert`: converts the values as Strawberry does; None: the resolver receives the values as graphql-core coerced them.
    `prepared`: False if each request has to coerce all arguments. `constant`: the arguments that have the same value in every request.
    `variables`: the arguments whose values are variables.
    """

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
            # If an argument in the document is invalid, the error is not lost: each request coerces the arguments again, which raises it again.
            self.prepared = False

    def __call__(self, run: Run, info: Callable[[], Any]) -> dict[str, Any]:
        """The keyword arguments for one request. `info` makes the `info` object, which only some conversions need.

        Raises: GraphQLError if an argument, or a variable in it, has a value that is not allowed.
        """
        if not self.prepared:
            return self._coerced(run, info)
        values = dict(self.constant)
        for parameter, name, not_null, if_missing in self.variables:
            value = run.variables.get(name, if_missing)
            if not_null and (value is NO_ARGUMENT or value is None):
                return self._coerced(run, info)
            if value is NO_ARGUMENT:
                del values[parameter]
            else:
                values[parameter] = value
        return values

    def _coerced(self, run: Run, info: Callable[[], Any]) -> dict[str, Any]:
        values = get_argument_values(self._field, self._node, run.variable_values, None, run.operation.hide_suggestions)
        return self._convert.all(values, info()) if self._convert else values

    def _prepare(self) -> None:
        nodes = {argument.name.value: argument for argument in self._node.arguments or ()}
        for name, argument in self._field.args.items():
            node = nodes.get(name)
            parameter = self._parameter(name, argument)
            if node and isinstance(node.value, VariableNode):
                if parameter is None or (self._convert and not self._convert.unchanged(name)):
                    raise Unprepared
                if_missing = NO_ARGUMENT if is_required_argument(argument) else self._constant(name, argument, None)
                # `__call__` replaces this entry by the variable's value. The entry only keeps the arguments in their order, which a resolver with
                # **kwargs can see.
                self.constant[parameter] = NO_ARGUMENT
                self.variables.append(Variable(parameter, node.value.name.value, is_non_null_type(argument.type), if_missing))
            elif (value := self._constant(name, argument, node)) is not NO_ARGUMENT and parameter is not None:
                self.constant[parameter] = value

    def _parameter(self, name: str, argument: GraphQLArgument) -> str | None:
        return self._convert.parameter(name) if self._convert else (argument.out_name or name)

    def _constant(self, name: str, argument: GraphQLArgument, node: ArgumentNode | None) -> Any:
        """The value that the argument has in every request; NO_ARGUMENT if the argument is left out.

        Raises: Unprepared if the value depends on the request or is mutable, GraphQLError if the value is invalid.
        """
        if node and holds_variable(node.value):
            raise Unprepared
        values: dict[str, Any] = {}
        coerce_argument(values, self._node, name, argument, node, VariableValues({}, {}), None)
        if not values:
            return NO_ARGUMENT
        [value] = values.values()
        converted = self._convert.one(name, value) if self._convert else value
        if not isinstance(converted, Enum) and converted.__class__ not in UNCHANGING:
            raise Unprepared
        return converted


class Converter:
    """Converts the coerced arguments of a Strawberry field to the Python values that Strawberry would pass to its resolver."""

    def __init__(self, converter: GraphQLCoreConverter, arguments: list[StrawberryArgument]) -> None:
        self._converter = converter
        self._arguments = arguments
        self._named: Mapping[str, StrawberryArgument] = {converter.config.name_converter.from_argument(each): each for each in arguments}

    def parameter(self, name: str) -> str | None:
        """The name of the resolver's parameter for the argument that the schema calls `name`. None: the resolver has no such parameter."""
        return self._named[name].python_name if name in self._named else None

    def unchanged(self, name: str) -> bool:
        """Whether Strawberry passes the argument's value to the resolver exactly as graphql-core coerced it, so no conversion is needed."""
        type: Any = self._named[name].type
        if isinstance(type, StrawberryOptional) and not isinstance(type, StrawberryMaybe):
            type = type.of_type
        if isinstance(type, StrawberryOptional) or type is GlobalID:
            return False
        return isinstance(type, StrawberryEnumDefinition) or is_scalar(type, self._converter.scalar_registry)

    def one(self, name: str, value: Any) -> Any:
        """Convert the coerced value of one argument to the Python value for the resolver.

        Raises: Unprepared if the resolver has no such argument.
        """
        if name not in self._named:
            raise Unprepared
        return convert_argument(value, self._named[name].type, self._converter.scalar_registry, self._converter.config)

    def all(self, values: dict[str, Any], info: Any) -> dict[str, Any]:
        """Convert the coerced values of all arguments of a call. Returns the keyword arguments for the resolver."""
        return convert_arguments(values, self._arguments, scalar_registry=self._converter.scalar_registry, config=self._converter.config, info=info)


def holds_variable(node: ValueNode) -> bool:
    """Whether a value in the operation document is a variable, or a list or an input object that contains a variable at any depth."""
    pending: list[Any] = [node]
    while pending:
        value = pending.pop()
        if isinstance(value, VariableNode):
            return True
        pending += getattr(value, "values", ())
        pending += [field.value for field in getattr(value, "fields", ())]
    return False


def about_arguments(error: GraphQLError) -> bool:
    """Whether graphql-core raised this error because a request has given an argument, or a variable in it, a value that the argument can't have.

    Validation does not find such values. It allows a nullable variable for a non-null argument if one of the two has a default that is not null. A
    request may then send null for the variable. Neither the class nor the properties of the error distinguish it from an error of a resolver. So
    this function looks for graphql-core's coercion of arguments in the traceback.
    """
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        trace = cause.__traceback__
        while trace:
            if trace.tb_frame.f_code is get_argument_values.__code__:
                return True
            trace = trace.tb_next
        cause = cause.original_error
    return False
