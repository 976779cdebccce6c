"""How the operations, fragments, fields and variables of a document are found."""

import pytest
from graphql import parse

from gateway.operations.selections import fragments_of, inner_variables, merged_fields, operations_of, spreads_in, subselections, well_formed


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ a }", True),
        ("query A { a } query B { a }", True),
        ("{ ...F } fragment F on T { ...G } fragment G on T { a }", True),
        ("{ ...F }", False),
        ("{ a } fragment F on T { a }", False),
        ("{ a } fragment F on T { ...G } fragment G on T { a }", False),
        ("{ ...F } fragment F on T { a } fragment F on T { b }", False),
        ("{ ...F } fragment F on T { a { ...F } }", False),
        ("{ ...F } fragment F on T { ...G } fragment G on T { ...F }", False),
        ("{ a } type T { a: Int }", False),
    ],
)
def test_in_a_well_formed_document_all_fragments_are_used_and_none_contains_itself(query: str, expected: bool) -> None:
    assert well_formed(parse(query)) is expected


def test_operations_and_fragments_are_found_in_any_order() -> None:
    document = parse("fragment F on T { a } query A { ...F } query B { ...F }")

    assert [operation.name.value for operation in operations_of(document) if operation.name] == ["A", "B"]
    assert fragments_of(document).keys() == {"F"}


def test_each_use_of_a_fragment_is_listed() -> None:
    [operation] = operations_of(parse("{ ...F a { ...F ... { ...G } } } fragment F on T { ...H }"))

    assert sorted(spreads_in(operation.selection_set)) == ["F", "F", "G"]


def test_fields_are_merged_by_response_name_with_the_types_they_are_selected_on() -> None:
    document = parse("{ a x: a b { c } ... on U { a b { d } } ...F } fragment F on V { x: b { e } }")
    [operation] = operations_of(document)

    fields = merged_fields("T", [operation.selection_set], fragments_of(document))

    assert {name: sorted((type, field.name.value) for type, field in selected) for name, selected in fields.items()} == {
        "a": [("T", "a"), ("U", "a")],
        "b": [("T", "b"), ("U", "b")],
        "x": [("T", "a"), ("V", "b")],
    }
    assert merged_fields("B", subselections(fields["b"]), {}).keys() == {"c", "d"}


@pytest.mark.parametrize(
    ("query", "inner"),
    [
        ("query($a: Int) { f(x: $a) }", set()),
        ("query($a: Int) { f(x: $a) { g } }", set()),
        ("query($a: Int, $b: Int) { f(x: $a) { g(y: [$b]) } }", {"b"}),
        ("query($a: Boolean!) { f @include(if: $a) }", {"a"}),
        ("query($a: Int) { ... on Query { f(x: $a) } }", {"a"}),
        ("query($a: Int) { f { ...F } } fragment F on T { g(y: {z: $a}) }", {"a"}),
    ],
)
def test_inner_variables_are_those_outside_the_arguments_of_root_fields(query: str, inner: set[str]) -> None:
    document = parse(query)
    [operation] = operations_of(document)

    assert inner_variables(operation, fragments_of(document)) == inner
