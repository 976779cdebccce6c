"""Makes Python functions from source. Many functions of plans have the same text: they share their bytecode, so each text is compiled only once.

For the terms, see compiler/README.md.
"""

from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any

from compiler.recent import Recent

MAX_CODES = 4096
MAX_CACHED_CHARACTERS = 1_000_000


class Codes:
    """A cache of bytecode by source text. It drops the bytecode that was used least recently."""

    def __init__(self) -> None:
        self._cached = Recent[str, CodeType](MAX_CODES, MAX_CACHED_CHARACTERS)

    def of(self, text: str) -> CodeType:
        """The bytecode of the single function that the text defines. Compiles the text if it is not cached."""
        code = self._cached.get(text)
        if not code:
            [code] = (each for each in compile(text, "<plan>", "exec").co_consts if isinstance(each, CodeType))
            self._cached.keep(text, code, len(text))
        return code


class Function:
    """A function that is being written. Objects that its source needs are bound as globals with generated names. Other functions don't see them."""

    def __init__(self, parameters: str) -> None:
        self._parameters = parameters
        self._names: dict[str, Any] = {}

    def bind(self, prefix: str, value: object) -> str:
        """Make a value a global of the function. Returns the generated name: the prefix and a number."""
        name = f"{prefix}{len(self._names)}"
        self._names[name] = value
        return name

    def text(self, body: Sequence[str]) -> str:
        """The source of the function. Functions with the same parameters and body have the same source, even if their globals differ."""
        return "\n".join([f"def f({self._parameters}):", *indented(body)]) + "\n"

    @property
    def resolvers(self) -> dict[str, str]:
        """The resolvers that the function calls directly. The keys are the names of the globals, the values are the resolvers' qualified names."""
        return {name: f"{value.__module__}.{value.__qualname__}" for name, value in self._names.items() if name[0] == "F"}

    def made(self, text: str, codes: Codes) -> Callable[..., Any]:
        """Make the executable function from its source. `text`: the source, as the method `text` returns it."""
        return FunctionType(codes.of(text), {**self._names, "__builtins__": __builtins__})


def indented(lines: Sequence[str]) -> list[str]:
    """These lines of source, each indented by four more spaces."""
    return [f"    {line}" for line in lines]
