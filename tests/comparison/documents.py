"""Rewrites a plain operation (one without named fragments, variables and conditions) in random forms that have them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    print_ast,
)
from graphql import parse as parsed

from tests.comparison.literals import Inputs
from tests.comparison.operations import Composite


@dataclass
class Variable:
    """A variable that an operation declares. `default` is the source of its default value."""

    name: str
    type: GraphQLInputType
    default: str | None = None

    def __str__(self) -> str:
        return f"${self.name}: {self.type}{'' if self.default is None else f' = {self.default}'}"


@dataclass
class OperationDocument:
    """An operation document: its text, the name of the operation to execute (None if it has no name), and that operation's variables."""

    text: str
    name: str | None
    variables: list[Variable] = field(default_factory=list)

    @property
    def document(self) -> DocumentNode:
        """The parsed document."""
        return parsed(self.text)


class Rewriter:
    """Rewrites an operation in a random form. It selects the fields of the operation, but may leave some out, or skip them depending on variables."""

    def __init__(self, schema: GraphQLSchema, inputs: Inputs) -> None:
        self._schema = schema
        self._random = inputs.random
        self._inputs = inputs
        self._variables: list[Variable] = []
        self._fragments: list[tuple[str, str, str]] = []
        self._heads: dict[int, str] = {}
        self._number = 0

    def _happens(self, rate: float) -> bool:
        return self._random.random() < rate

    def _new_name(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}{self._number}"

    def rewritten(self, operation: OperationDefinitionNode) -> OperationDocument:
        """Rewrite the operation in one random form."""
        root = self._schema.get_root_type(operation.operation)
        assert root
        [first, *_] = nodes = operation.selection_set.selections
        body = self._field(root, first, "") if operation.operation is OperationType.SUBSCRIPTION else self._selections(root, nodes)
        others = self._happens(0.2)
        name = "Meant" if others or self._happens(0.4) else None
        declared = f"({', '.join(map(str, self._variables))})" if self._variables else ""
        parts = [f"{operation.operation.value} {name or ''}{declared} {{ {body} }}"]
        parts += [f"fragment {name} on {type} {{ {text} }}" for name, type, text in self._fragments]
        parts += ["query Other { __typename }", "query Another($a: Boolean!) { __typename @skip(if: $a) }"] if others else []
        self._random.shuffle(parts)
        return OperationDocument("\n".join(parts), name, self._variables)

    def _selections(self, type: Composite, nodes: Sequence[Any]) -> str:
        parts = [self._selection(type, node) for node in nodes]
        if self._happens(0.15):
            parts.insert(self._random.randrange(len(parts) + 1), self._random.choice(("__typename", f"{self._new_name('t')}: __typename")))
        if self._happens(0.25):
            start = self._random.randrange(len(parts))
            end = self._random.randint(start + 1, len(parts))
            parts[start:end] = [self._in_fragment(type, " ".join(parts[start:end]))]
        existing = [name for name, of, _ in self._fragments if of == type.name]
        if existing and self._happens(0.3):
            parts.insert(self._random.randrange(len(parts) + 1), f"...{self._random.choice(existing)}{self._conditions()}")
        return " ".join(parts)

    def _in_fragment(self, type: Composite, text: str) -> str:
        """Move selections into a new fragment, named or inline. Returns the source that takes their place."""
        if self._happens(0.4):
            name = self._new_name("F")
            self._fragments.append((name, type.name, text))
            spread = f"...{name}{self._conditions()}"
            return f"{spread} {spread}" if self._happens(0.2) else spread
        on = self._random.choice(("", type.name))
        return f"...{f' on {on}' if on else ''}{self._conditions()} {{ {text} }}"

    def _selection(self, type: Composite, node: Any) -> str:
        if isinstance(node, InlineFragmentNode):
            on = self._schema.type_map[node.type_condition.name.value] if node.type_condition else type
            assert isinstance(on, Composite)
            condition = f"on {on.name}" if node.type_condition else ""
            return f"... {condition}{self._conditions()} {{ {self._selections(on, node.selection_set.selections)} }}"
        return self._field(type, node) + (f" {self._field(type, node)}" if self._happens(0.12) else "")

    def _field(self, type: Composite, node: Any, conditions: str | None = None) -> str:
        assert isinstance(node, FieldNode)
        found = self._schema.get_field(type, node.name.value)
        text = self._head(node, found) + (self._conditions() if conditions is None else conditions)
        below = get_named_type(found.type) if found else None
        if node.selection_set and isinstance(below, Composite):
            nodes = list(node.selection_set.selections)
            if self._happens(0.15):
                nodes = self._random.sample(nodes, self._random.randint(1, len(nodes)))
            text += f" {{ {self._selections(below, nodes)} }}"
        return text

    def _head(self, node: FieldNode, found: Any) -> str:
        """The source of a field's alias, name and arguments. A node that is written twice usually gets the same source, so that both fields merge."""
        previous = self._heads.get(id(node))
        if previous and self._happens(0.8):
            return previous
        values = {argument.name.value: argument.value for argument in node.arguments or ()}
        arguments = ", ".join(f"{name}: {self._argument(found.args[name], value)}" for name, value in values.items() if found)
        aliased = previous or self._happens(0.25)
        alias = self._new_name("a") if aliased else node.alias.value if node.alias else ""
        head = f"{f'{alias}: ' if alias else ''}{node.name.value}{f'({arguments})' if arguments else ''}"
        self._heads[id(node)] = head
        return head

    def _argument(self, argument: Any, value: Any) -> str:
        has_default = argument.default is not None
        if self._happens(0.4):
            return self._variable(argument.type, has_default)
        if self._happens(0.4):
            return self._with_variables(argument.type)
        return print_ast(value)

    def _with_variables(self, type: Any) -> str:
        """The source of an input value that may contain variables at any depth."""
        if self._happens(0.25):
            return self._variable(type, False)
        inside: Any = type.of_type if isinstance(type, GraphQLNonNull) else type
        if isinstance(inside, GraphQLList):
            return f"[{', '.join(self._with_variables(inside.of_type) for _ in range(self._random.randrange(3)))}]"
        if isinstance(inside, GraphQLInputObjectType) and not inside.is_one_of:
            names = self._inputs.fields(inside, 3)
            names += [name for name in inside.fields if name not in names and self._happens(0.1)]
            return f"{{{', '.join(f'{name}: {self._nested(inside.fields[name])}' for name in names)}}}"
        if get_named_type(inside).name == "JSON" and not isinstance(inside, GraphQLEnumType):
            items = [self._variable(self._builtin("Int"), False), self._variable(self._builtin("String"), False)]
            return self._random.choice((f"[{', '.join(items)}]", f"{{ a: {items[0]}, b: [{items[1]}] }}"))
        return self._inputs.literal(type)

    def _nested(self, field: Any) -> str:
        return self._variable(field.type, field.default is not None) if self._happens(0.3) else self._with_variables(field.type)

    def _builtin(self, name: str) -> Any:
        return self._schema.type_map[name]

    def _variable(self, type: Any, has_default: bool) -> str:
        """The source of a variable of this type: sometimes a variable that is already declared, otherwise a new one.
        `has_default`: whether the argument has a default. Then a nullable variable needs none, even if the argument is non-null.
        """
        existing = [each for each in self._variables if str(each.type) == str(type)]
        if existing and self._happens(0.3):
            return f"${self._random.choice(existing).name}"
        made = Variable(self._new_name("v"), type)
        inside: Any = type.of_type if isinstance(type, GraphQLNonNull) else type
        if isinstance(type, GraphQLNonNull) and self._happens(0.3):
            made.type = inside
            if not has_default or self._happens(0.5):
                made.default = self._inputs.present(inside, 2)
        elif self._happens(0.25):
            made.default = self._inputs.literal(type, 2)
        elif self._happens(0.1):
            made.type = GraphQLNonNull(inside)
        self._variables.append(made)
        return f"${made.name}"

    def _conditions(self) -> str:
        if not self._happens(0.15):
            return ""
        usual = [("include", "true"), ("skip", "false")]
        self._random.shuffle(usual)
        return "".join(f" @{name}(if: {self._condition(value)})" for name, value in usual[: 2 if self._happens(0.2) else 1])

    def _condition(self, usual: str) -> str:
        if self._happens(0.3):
            return usual if self._happens(0.7) else self._random.choice(("true", "false"))
        existing = [each for each in self._variables if each.name.startswith("b")]
        if len(existing) > 3 or (existing and self._happens(0.4)):
            return f"${self._random.choice(existing).name}"
        nullable = self._happens(0.2)
        boolean = self._builtin("Boolean")
        made = Variable(self._new_name("b"), boolean if nullable else GraphQLNonNull(boolean), usual if nullable or self._happens(0.2) else None)
        self._variables.append(made)
        return f"${made.name}"


def variable_values(variables: Sequence[Variable], inputs: Inputs) -> dict[str, Any] | None:
    """Random values for these variables, as a request might send them. Some may be missing, and one that is not declared may be added.

    None: the request has no variables.
    """
    random = inputs.random
    values = {each.name: inputs.raw(each.type) for each in variables if random.random() > (0.05 if isinstance(each.type, GraphQLNonNull) else 0.25)}
    if random.random() < 0.1:
        values["undeclared"] = [1, {"a": None}]
    return values if values or random.random() < 0.5 else None
