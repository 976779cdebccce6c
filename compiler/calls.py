"""How resolvers are asked, as source."""

from collections.abc import Hashable
from keyword import iskeyword

from graphql import GraphQLField, GraphQLSchema, default_field_resolver
from graphql.language import FieldNode

from compiler.arguments import Arguments, Converter
from compiler.functions import Function
from compiler.guards import unguarded
from compiler.info import LazyInfo, resolve_info
from compiler.plain import Plain, plain, tells_event


class Calls:
    """Writes the calls of resolvers, without what would do nothing: guards that the variant passes, and Strawberry's wrapper where it only calls."""

    def __init__(self, schema: GraphQLSchema, variant: Hashable) -> None:
        self._schema = schema
        self._variant = variant

    def answer(self, function: Function, field: GraphQLField, node: FieldNode, label: str, place: str) -> str:
        """What asks a field's resolver, about the object `o`."""
        resolve = unguarded(field.resolve, self._variant)
        known = plain(self._schema, field, resolve)
        if known and not known.resolver:
            return attribute(function, known)
        if known:
            return direct(function, known, field, node, label, place)
        info = f"{function.keep('I', resolve_info)}(r, {label}, {place})"
        given = arguments(function, field, node, None, info)
        if tells_event(resolve):
            # Its arguments were for the source of the events; all that can come of them here is an error.
            return f"({given.removeprefix(', **')}, o)[1]" if given else "o"
        return f"{function.keep('R', resolve or default_field_resolver)}(o, {info}{given})"

    def reads(self, field: GraphQLField) -> bool:
        """Whether the answer is an attribute of the object, and nothing else is asked."""
        known = plain(self._schema, field, unguarded(field.resolve, self._variant))
        return known is not None and known.resolver is None


def attribute(function: Function, known: Plain) -> str:
    """What reads an attribute."""
    name = known.definition.python_name
    if known.definition.default_resolver is not getattr:
        return f"{function.keep('R', known.definition.default_resolver)}(o, {name!r})"
    return f"o.{name}" if name.isidentifier() and not iskeyword(name) else f"getattr(o, {name!r})"


def direct(function: Function, known: Plain, field: GraphQLField, node: FieldNode, label: str, place: str) -> str:
    """What calls the function behind one of Strawberry's fields."""
    resolver = known.resolver
    assert resolver
    # One and the same parameter may be both parent and root.
    named = {each.name: "o" for each in (resolver.parent_parameter, resolver.root_parameter) if each}
    info = ""
    if resolver.info_parameter or field.args:
        lazy = f"{function.keep('L', LazyInfo)}(r, {label}, {place})"
        info = f"{function.keep('C', known.converter.config.info_class)}(_raw_info={lazy}, _field={function.keep('D', known.definition)})"
    if resolver.info_parameter:
        named[resolver.info_parameter.name] = info
    parts = [*(["o"] if resolver.self_parameter else []), *(f"{name}={value}" for name, value in named.items())]
    given = arguments(function, field, node, Converter(known.converter, known.definition.arguments), info)
    return f"{function.keep('F', resolver.wrapped_func)}({', '.join(parts)}{given if parts else given.removeprefix(', ')})"


def arguments(function: Function, field: GraphQLField, node: FieldNode, convert: Converter | None, info: str) -> str:
    """What gives a call the field's arguments."""
    if not field.args:
        return ""
    given = Arguments(field, node, convert)
    if given.prepared and not given.variables:
        return f", **{function.keep('K', given.constant)}" if given.constant else ""
    return f", **{function.keep('A', given)}(r, lambda: {info})"
