"""Numbers in operation documents that are too large for their type, or for Python's conversion of text to integers."""

import pytest
from graphql import ASTValidationRule, build_schema, parse, validate

from domain.caller import Scope
from gateway.operations.number_literals import MANY_DIGITS, NumbersInRangeRule
from tests.company import PERSON, Company

DIGITS = "9" * 5000
INT = "Int cannot represent non 32-bit signed integer value: "
INPUT = ", ".join(f'{name}: "{value}"' for name, value in PERSON.items())


@pytest.mark.parametrize(
    ("before", "number", "after"),
    [
        ("{ verifications(first: ", DIGITS, ") { totalCount } }"),
        ("{ verifications(first: ", f"-{DIGITS}", ") { totalCount } }"),
        ("{ verifications(first: ", "9" * 200, ") { totalCount } }"),
        ("query($v: Int = ", DIGITS, ") { verifications(first: $v) { totalCount } }"),
        ("query($id: ID!) { verification(id: $id) { events(after: ", DIGITS, ") { version } } }"),
        (f"mutation {{ createVerification(input: {{ {INPUT}, requirements: {{ minAge: ", DIGITS, " } }) { __typename } }"),
        ('mutation { issueFollowToken(verificationId: "x", ttlSeconds: ', DIGITS, ") { __typename } }"),
        ('subscription { verificationUpdated(id: "x", after: ', DIGITS, ") { __typename } }"),
        ("{ verifications { ...F } } fragment F on VerificationConnection { edges { node { events(after: ", DIGITS, ") { version } } } }"),
    ],
)
async def test_an_int_of_many_digits_is_a_located_validation_error_in_graphqls_words(company: Company, before: str, number: str, after: str) -> None:
    answer = await company.answer(before + number + after, {"id": "x"}, company.token(*Scope))

    [error] = answer["errors"]
    assert error["message"] == f"{INT}{number}"
    assert error["locations"] == [{"line": 1, "column": len(before) + 1}]
    assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


async def test_a_short_int_out_of_range_has_the_same_words(company: Company) -> None:
    short = await company.answer("{ verifications(first: 99999999999) { totalCount } }")

    assert [error["message"] for error in short["errors"]] == [f"{INT}99999999999"]


@pytest.mark.parametrize("value", [f"{DIGITS}.5", f"1e{DIGITS}", f'"{DIGITS}"'])
async def test_another_long_literal_for_an_int_is_located_too(company: Company, value: str) -> None:
    before = "{ verifications(first: "

    answer = await company.answer(f"{before}{value}) {{ totalCount }} }}")

    [error] = answer["errors"]
    assert error["message"] == f"Int cannot represent non-integer value: {value}"
    assert error["locations"] == [{"line": 1, "column": len(before) + 1}]


@pytest.mark.parametrize(
    "query",
    [
        "{ verifications(orderBy: NUMBER) { totalCount } }",
        "{ verifications(after: NUMBER) { totalCount } }",
        "{ verifications(filter: { createdAfter: NUMBER }) { totalCount } }",
        "{ verifications(filter: { status: [PENDING, NUMBER] }) { totalCount } }",
        "{ verifications(filter: NUMBER) { totalCount } }",
        "{ me @include(if: NUMBER) { subject } }",
        "{ me { subject(x: NUMBER) } }",
    ],
)
@pytest.mark.parametrize("number", [DIGITS, f"-{DIGITS}", f"{DIGITS}.5", "1e400"], ids=["int", "negative", "float", "exponent"])
async def test_a_number_of_many_digits_for_another_type_is_an_error_of_the_document(company: Company, query: str, number: str) -> None:
    answer = await company.answer(query.replace("NUMBER", number))

    [error, *_] = answer["errors"]
    assert error["locations"]
    assert error["extensions"]["code"] in ("GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT")
    assert "int_max_str" not in str(answer)


async def test_an_id_of_many_digits_is_an_id(company: Company) -> None:
    assert await company.ask(f"{{ verification(id: {DIGITS}) {{ id }} }}") == {"verification": None}


SCHEMA = build_schema("""
    input Range { ratio: Float, ratios: [Float!], count: Int }
    type Query { float(ratio: Float, ratios: [Float], range: Range): Int, int(count: Int, counts: [[Int]]): Int, id(id: ID, text: String): Int }
""")
RULES: tuple[type[ASTValidationRule], ...] = (NumbersInRangeRule,)


def messages(query: str) -> list[str]:
    """The messages with which NumbersInRangeRule refuses a document. Asserts that MANY_DIGITS matches a refused document.

    The gateway applies the rule only to documents that MANY_DIGITS matches.
    """
    errors = [error.message for error in validate(SCHEMA, parse(query), RULES)]
    assert not errors or MANY_DIGITS.search(query)
    return errors


@pytest.mark.parametrize("number", ["1e400", "-1e309", "1.5E+400", "1" + "0" * 309, "-" + DIGITS, DIGITS + ".5", "9" * 220 + "e99", "1e+309"])
@pytest.mark.parametrize(
    "query", ["{ float(ratio: N) }", "{ float(ratios: [1, N]) }", "{ float(range: { ratio: N }) }", "query($v: Float = N) { float(ratio: $v) }"]
)
def test_a_float_beyond_the_range_of_a_double_is_refused(query: str, number: str) -> None:
    [message] = messages(query.replace("N", number))

    assert message.startswith("Float cannot represent non numeric value: ")


@pytest.mark.parametrize(
    "number", ["1e308", "-1.7976931348623157e308", "1" + "0" * 308, "1e-400", "0." + "0" * 400 + "1", "1." + "0" * 5000, "9" * 199 + "e99"]
)
def test_a_float_within_the_range_of_a_double_is_accepted(number: str) -> None:
    assert messages(f"{{ float(ratio: {number}) }}") == []


@pytest.mark.parametrize("query", ["{ int(counts: [[1], [N]]) }", "{ float(range: { count: N }) }", "query($v: [[Int]] = [[N]]) { int(counts: $v) }"])
def test_an_int_in_a_list_or_an_input_is_refused(query: str) -> None:
    [message] = messages(query.replace("N", DIGITS))

    assert message.startswith(INT)


def test_numbers_for_other_types_are_left_to_the_other_rules() -> None:
    assert messages(f"{{ id(id: {DIGITS}, text: {DIGITS}) unknown(x: {DIGITS}) }}") == []
