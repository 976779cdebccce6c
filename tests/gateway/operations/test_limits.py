"""The limits of operation documents, and the refusal of documents that exceed them."""

from itertools import combinations
from typing import Any

import pytest
from graphql import DocumentNode, FieldNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode, parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.operations.limits import (
    Counts,
    Limits,
    count_operation,
    counts_of_fragments,
    exceeded_as_written,
    exceeded_when_expanded,
    pairs,
    too_many_values,
)
from gateway.operations.selections import Fragments, fragments_of, operations_of
from tests.company import Company
from tests.wire import wired

SMALL = Limits(
    operations=2,
    variables=2,
    literals=6,
    fragments=2,
    spreads=2,
    depth=3,
    selections=7,
    aliases=2,
    directives=2,
    root_fields=3,
    mutations=2,
    pairs=3,
)
F = "fragment F on T"

# For each limit: a document that reaches the limit, and a document that exceeds it by one.
AT_THE_LIMIT = {
    "operations": ("query A { a } query B { a }", "query A { a } query B { a } query C { a }"),
    "variables": ("query A($a: Int) { a } query B($b: Int) { b }", "query A($a: Int, $c: Int) { a } query B($b: Int) { b }"),
    "literals": (
        "query($a: [Int] = [1]) { a(b: $a) @x(c: {d: 1}) }",
        f"query($a: [Int] = [1]) {{ ...F }} {F} {{ ... @x(b: 2) {{ a(b: $a) @x(c: {{d: 1}}) }} }}",
    ),
    "fragments": ("{ a } fragment F on T { a } fragment G on T { a }", "{ a } fragment F on T { a } fragment G on T { a } fragment H on T { a }"),
    "spreads": (f"{{ ...F ...F }} {F} {{ a }}", f"{{ ...F ... {{ a {{ ...F }} }} }} {F} {{ b {{ ...F }} }}"),
    "depth": (f"{{ a {{ ... {{ b {{ ...F }} }} }} }} {F} {{ c }}", f"{{ a {{ b {{ ...F }} }} }} {F} {{ c {{ d }} }}"),
    "selections": (f"{{ c {{ ...F ...F }} }} {F} {{ a b }}", f"{{ c {{ ... {{ ...F ...F }} }} }} {F} {{ a b }}"),
    "aliases": (f"{{ ...F c: a {{ ...F }} }} {F} {{ a }}", f"{{ ...F c: a {{ ...F }} }} {F} {{ b: a }}"),
    "directives": (f"query($a: Int @x) {{ ...F @x }} {F} {{ a }}", f"query($a: Int @x) @x {{ ...F }} {F} {{ ... @x {{ a }} }}"),
    "root_fields": (f"{{ a ... {{ b ...F }} }} {F} {{ c {{ d }} }}", f"{{ a ... {{ b ...F }} }} {F} {{ c d }}"),
    "mutations": ("mutation A { a b { c } } query B { a b }", f"mutation {{ a ...F }} {F} {{ b c }}"),
    "pairs": (f"{{ a ...F }} {F} {{ a a }}", f"{{ a {{ b }} a {{ b ...F }} }} {F} {{ b }}"),
}


@pytest.mark.parametrize("limit", AT_THE_LIMIT)
def test_a_document_may_reach_each_limit_and_not_exceed_it(limit: str) -> None:
    at_limit, above_limit = (parse(query) for query in AT_THE_LIMIT[limit])

    assert trouble(at_limit) is None
    assert str(getattr(SMALL, limit)) in (trouble(above_limit) or "")
    assert limit.replace("_", " ") in (trouble(above_limit) or "") or limit in ("literals", "spreads", "depth")


def trouble(document: DocumentNode) -> str | None:
    return exceeded_as_written(document, SMALL) or exceeded_when_expanded(document, SMALL)


def selections(spreads: list[str]) -> st.SearchStrategy[str]:
    """Random selection sets. They may use the fragments with the names in `spreads`."""
    used = st.sampled_from([f"...{name}" for name in spreads] + [f"...{name} @x" for name in spreads]) if spreads else st.just("e")
    one = st.recursive(
        st.one_of(st.sampled_from(["a", "b", "c: a", "a @x", "d: b @x @x"]), used),
        lambda inner: st.builds(
            lambda head, parts: f"{head} {{ {' '.join(parts)} }}", st.sampled_from(["a", "e: a", "...", "... @x"]), several(inner)
        ),
        max_leaves=5,
    )
    return several(one).map(lambda parts: f"{{ {' '.join(parts)} }}")


def several(one: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(one, min_size=1, max_size=3)


@st.composite
def documents(draw: st.DrawFn) -> DocumentNode:
    """Random documents with an operation and fragments. A fragment uses only fragments that come later, so none contains itself."""
    names = list("FGHI")[: draw(st.integers(0, 4))]
    fragments = (f"fragment {name} on T {draw(selections(names[at + 1 :]))}" for at, name in enumerate(names))
    return parse(f"query {draw(selections(names))} {' '.join(fragments)}")


def expanded(selection_set: SelectionSetNode | None, fragments: Fragments, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every selection of a document with its path, after each fragment is written out at each of its uses.

    The result is right but takes long for large documents. The tests compare the fast counts of `limits.py` with it.
    """
    found: list[tuple[tuple[str, ...], Any]] = []
    for selection in selection_set.selections if selection_set else ():
        match selection:
            case FieldNode():
                here = (*path, (selection.alias or selection.name).value)
                found += [(here, selection), *expanded(selection.selection_set, fragments, here)]
            case InlineFragmentNode():
                found += [(path, selection), *expanded(selection.selection_set, fragments, path)]
            case FragmentSpreadNode():
                fragment = fragments[selection.name.value]
                found += [
                    (path, selection),
                    *[(path, fragment)][: len(fragment.directives or ())],
                    *expanded(fragment.selection_set, fragments, path),
                ]
    return found


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_counting_each_fragment_once_equals_counting_the_expanded_document(document: DocumentNode) -> None:
    [operation], fragments = operations_of(document), fragments_of(document)
    written = expanded(operation.selection_set, fragments)
    fields = [(path, node) for path, node in written if isinstance(node, FieldNode)]
    paths = [path for path, _ in fields]

    assert count_operation(operation, counts_of_fragments(fragments)) == Counts(
        root_fields=sum(len(path) == 1 for path in paths),
        depth=max(map(len, paths), default=0),
        selections=len(written),
        aliases=sum(node.alias is not None for _, node in fields),
        directives=sum(len(node.directives or ()) for _, node in written),
    )
    assert pairs(operation, fragments) == sum(one == other for one, other in combinations(paths, 2))


def nested(field: str, depth: int, leaf: str = "id") -> str:
    """A selection of a field inside the same field, `depth` times."""
    return f"{field} {{ " * depth + leaf + " }" * depth


def doubled(times: int) -> str:
    """The text of `times` fragments. Each uses the next one twice, so the expanded size doubles with each fragment."""
    return " ".join(f"fragment F{number} on Query {{ ...F{number + 1} ...F{number + 1} }}" for number in range(times))


CYCLE = " ".join(f"fragment F{number} on Query {{ ...F{(number + 1) % 28} ...F{(number * 7) % 28} }}" for number in range(28))
VERIFICATION = 'node(id: "x") {{ ... on Verification {{ {} }} }}'
REFUSED = {
    "200,000 characters": ("{ me { subject } } #" + "x" * 200_000, "16384"),
    "10,000 aliases": ("{" + " ".join(f"a{number}: me {{ subject }}" for number in range(10_000)) + "}", "16384"),
    "51 aliases": ("{ me {" + " ".join(f"a{number}: subject" for number in range(51)) + "} }", "50"),
    "51 fields at the root": ("{" + " me { subject }" * 51 + "}", "50"),
    "a field 50 times": ("{ me {" + " subject" * 50 + "} }", "300"),
    "a field 50 times, in parts": ("{" + " me { subject subject subject subject subject }" * 10 + "}", "300"),
    "401 selections": ("{ me {" + " subject" * 400 + "} }", "400"),
    "too many tokens": ("{ me {" + " subject" * 1000 + "} }", "1000"),
    "too many comments": ("#\n" * 1001 + "{ me { subject } }", "1000"),
    "51 directives": ("{ me { subject" + " @include(if: true)" * 51 + "} }", "50"),
    "one argument 300 times": ("{ verifications(" + "first: 1 " * 300 + ") { totalCount } }", "250"),
    "251 values in a list": ("{ verifications(filter: { reasonCode: [" + '"A" ' * 249 + "] }) { totalCount } }", "250"),
    "11 mutations": ("mutation {" + " ".join(f'a{number}: anonymizeVerification(id: "x") {{ __typename }}' for number in range(11)) + "}", "10"),
    "31 fragments": (f"{{ ...F0 }} {doubled(30)} fragment F30 on Query {{ me {{ subject }} }}", "30"),
    "fragments that double 29 times": (f"{{ ...F0 }} {doubled(29)} fragment F29 on Query {{ me {{ subject }} }}", "400"),
    "fragments that double nothing": (f"{{ ...F0 }} {doubled(29)} fragment F29 on Query {{ }}", "400"),
    "17 levels": (f"{{ {VERIFICATION.format(nested('attempts', 15))} }}", "16"),
    "130 levels": (f"{{ {VERIFICATION.format(nested('attempts', 130))} }}", "16"),
    "17 levels of fragments": (
        "{ node(id: 1) { ...F0 } }"
        + " ".join(f"fragment F{number} on Verification {{ nextAttempt {{ ...F{number + 1} }} }}" for number in range(15))
        + "fragment F15 on Verification { id }",
        "16",
    ),
}
INVALID = {
    "fragments in a circle": f"{{ ...F0 }} {CYCLE}",
    "fragments in a circle that nothing uses": f"{{ me {{ subject }} }} {CYCLE}",
    "a fragment of itself": "{ ...F } fragment F on Query { ...F }",
    "a fragment twice": "{ ...F } fragment F on Query { me { subject } } fragment F on Query { me { subject } }",
    "a fragment that isn't there": "{ ...F }",
    "a fragment that nothing uses": "{ me { subject } } fragment F on Query {" + " me { subject }" * 100 + "}",
    "types": "type A @a" + " @a" * 400 + " { b: Int }",
    "a number of 10,000 digits": "{ verifications(first: " + "9" * 10_000 + ") { totalCount } }",
}


@pytest.mark.parametrize("accepted", ["application/json", "application/graphql-response+json"])
async def test_the_error_names_the_limit_that_a_document_exceeds(company: Company, accepted: str) -> None:
    for what, (query, limit) in REFUSED.items():
        response = await company.gateway.post(query, token=company.token(), accept=accepted)

        [error] = response.json()["errors"]
        assert (response.status_code, error["extensions"]) == (400, {"code": "QUERY_TOO_COMPLEX"}), what
        assert error["message"].endswith(f"the maximum is {limit}"), what


async def test_a_document_that_is_not_well_formed_is_not_valid(company: Company) -> None:
    for what, query in INVALID.items():
        response = await company.gateway.post(query, token=company.token(), accept="application/graphql-response+json")

        assert response.status_code == 400, what
        assert {error["extensions"]["code"] for error in response.json()["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}, what


async def test_the_number_of_validation_errors_in_a_response_is_limited(company: Company) -> None:
    answer = await company.answer("{" + " ".join(f"nothing{number}" for number in range(40)) + "}")

    assert len(answer["errors"]) == 11
    assert "Too many validation errors" in answer["errors"][-1]["message"]


def test_the_values_of_variables_are_counted_at_every_depth() -> None:
    limits = Limits(values=4)
    at_limit: list[Any] = [None, {}, {"a": 1, "b": 2, "c": 3, "d": 4}, {"a": [1, 2, 3]}, {"a": {"b": {"c": {"d": {}}}}}, {"a": "x" * 100}]
    above_limit: list[Any] = [{"a": [1, 2, 3, 4]}, {"a": {"b": {"c": {"d": {"e": 1}}}}}, {"a": [[[[1]]]]}, {"a": [{"b": 1}, {"b": 1}]}]

    assert [too_many_values(variables, limits) for variables in at_limit] == [None] * len(at_limit)
    assert all("values" in (too_many_values(variables, limits) or "") for variables in above_limit)


async def test_variables_with_too_many_values_are_refused(company: Company) -> None:
    query = "query($filter: VerificationFilter) { verifications(filter: $filter) { totalCount } }"

    answer = await company.answer(query, {"filter": {"reasonCode": ["A"] * 20_000}})

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["QUERY_TOO_COMPLEX"]


async def test_over_a_socket_an_exceeded_limit_is_an_error_of_the_operation(company: Company) -> None:
    query, _ = REFUSED["51 aliases"]
    async with wired(company.gateway, company.token()) as wire:
        await wire.subscribe("1", query)
        refused = await wire.hear()
        await wire.subscribe("2", "{ me { workspaceId } }")

        assert (refused["type"], [error["extensions"] for error in refused["payload"]]) == ("error", [{"code": "QUERY_TOO_COMPLEX"}])
        assert (await wire.hear())["payload"] == {"data": {"me": {"workspaceId": company.workspace}}}
