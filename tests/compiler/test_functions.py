"""Functions that are made from the same source share their bytecode, and each function has its own globals."""

from compiler.functions import Codes, Function


def adding(number: int, codes: Codes) -> tuple[str, int]:
    """Make a function that adds the number to its parameter. Returns the function's source, and its result for the parameter 1."""
    function = Function("x")
    text = function.text([f"return x + {function.bind('K', number)}"])
    result: int = function.made(text, codes)(1)
    return text, result


def test_functions_with_the_same_body_share_their_code_and_not_their_globals() -> None:
    codes = Codes()

    two, three = adding(2, codes), adding(3, codes)

    assert two == ("def f(x):\n    return x + K0\n", 3)
    assert three == (two[0], 4)
    assert codes.of(two[0]) is codes.of(three[0])


def test_each_global_has_a_name_of_its_own() -> None:
    function = Function("x")

    assert [function.bind("K", 1), function.bind("K", 1), function.bind("P", 1)] == ["K0", "K1", "P2"]


def test_resolvers_are_listed_by_their_qualified_names() -> None:
    function = Function("x")
    function.bind("K", 1)
    function.bind("F", adding)

    assert function.resolvers == {"F1": f"{__name__}.adding"}
