"""Writes the parts of a plan's source that call resolvers. For the terms, see compiler/README.md."""

from collections.abc import Hashable
from keyword import iskeyword

from graphql import GraphQLField, GraphQLSchema, default_field_resolver
from graphql.language import FieldNode

from compiler.arguments import Arguments, Converter
from compiler.functions import Function
from compiler.guards import unguarded
from compiler.info import LazyInfo, resolve_info
from compiler.plain import Plain, plain, returns_event


class Calls:
    """Writes the calls of resolvers.

    Wrappers that would do nothing are left out: guards that let callers of the plan's variant pass, and Strawberry's wrapper around a resolver if it
    only calls the resolver.
    """

    def __init__(self, schema: GraphQLSchema, variant: Hashable) -> None:
        self._schema = schema
        self._variant = variant

    def call(self, function: Function, field: GraphQLField, node: FieldNode, label: str, place: str) -> str:
        """The expression, as source, that calls a field's resolver with the object `o`.

        `label` and `place`: the expressions for the field's position, and for its place in the response.
        """
        resolve = unguarded(field.resolve, self._variant)
        plain_field = plain(self._schema, field, resolve)
        if plain_field and not plain_field.resolver:
            return attribute_read(function, plain_field)
        if plain_field:
            return direct_call(function, plain_field, field, node, label, place)
        info = f"{function.bind('I', resolve_info)}(r, {label}, {place})"
        passed = argument_source(function, field, node, None, info)
        if returns_event(resolve):
            # This is a field of the subscription root. Its resolver ignores the arguments and returns the event, which is the object `o`. The
            # arguments are coerced nevertheless, because graphql-core reports an error if that fails.
            return f"({passed.removeprefix(', **')}, o)[1]" if passed else "o"
        return f"{function.bind('R', resolve or default_field_resolver)}(o, {info}{passed})"

    def is_attribute(self, field: GraphQLField) -> bool:
        """Whether the plan reads the field's value from an attribute of the object, without calling a resolver."""
        plain_field = plain(self._schema, field, unguarded(field.resolve, self._variant))
        return plain_field is not None and plain_field.resolver is None


def attribute_read(function: Function, plain_field: Plain) -> str:
    """The expression, as source, that reads the field's value from an attribute of the object `o`."""
    name = plain_field.definition.python_name
    if plain_field.definition.default_resolver is not getattr:
        return f"{function.bind('R', plain_field.definition.default_resolver)}(o, {name!r})"
    return f"o.{name}" if name.isidentifier() and not iskeyword(name) else f"getattr(o, {name!r})"


def direct_call(function: Function, plain_field: Plain, field: GraphQLField, node: FieldNode, label: str, place: str) -> str:
    """The expression, as source, that calls the Python function that the author of a Strawberry field wrote, without Strawberry's wrapper."""
    resolver = plain_field.resolver
    assert resolver
    # A parameter that is named `root` and annotated with `Parent` is both Strawberry's `parent_parameter` and its `root_parameter`. The dict keeps it
    # from being passed twice.
    named = {each.name: "o" for each in (resolver.parent_parameter, resolver.root_parameter) if each}
    info = ""
    if resolver.info_parameter or field.args:
        lazy = f"{function.bind('L', LazyInfo)}(r, {label}, {place})"
        info = f"{function.bind('C', plain_field.converter.config.info_class)}(_raw_info={lazy}, _field={function.bind('D', plain_field.definition)})"
    if resolver.info_parameter:
        named[resolver.info_parameter.name] = info
    parts = [*(["o"] if resolver.self_parameter else []), *(f"{name}={value}" for name, value in named.items())]
    passed = argument_source(function, field, node, Converter(plain_field.converter, plain_field.definition.arguments), info)
    return f"{function.bind('F', resolver.wrapped_func)}({', '.join(parts)}{passed if parts else passed.removeprefix(', ')})"


def argument_source(function: Function, field: GraphQLField, node: FieldNode, convert: Converter | None, info: str) -> str:
    """The source that passes the field's arguments at the end of a call. It begins with a comma, and is empty if the field has no arguments."""
    if not field.args:
        return ""
    passed = Arguments(field, node, convert)
    if passed.prepared and not passed.variables:
        return f", **{function.bind('K', passed.constant)}" if passed.constant else ""
    return f", **{function.bind('A', passed)}(r, lambda: {info})"
