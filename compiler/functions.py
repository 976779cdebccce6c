"""Functions made from source. Functions with the same text share their compiled code, because most selections have the same form as others."""

from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any

from compiler.recent import Recent

MAX_CODES = 4096
MAX_CHARACTERS = 1_000_000


class Codes:
    """A cache of compiled code by source text. It drops the code that was used least recently."""

    def __init__(self) -> None:
        self._cached = Recent[str, CodeType](MAX_CODES, MAX_CHARACTERS)

    def of(self, text: str) -> CodeType:
        """The code of the single function that the text defines."""
        code = self._cached.get(text)
        if not code:
            [code] = (each for each in compile(text, "<plan>", "exec").co_consts if isinstance(each, CodeType))
            self._cached.keep(text, code, len(text))
        return code


class Function:
    """A function that is being written. Every object that its source uses is a global of this function alone, under a generated name."""

    def __init__(self, parameters: str) -> None:
        self._parameters = parameters
        self._names: dict[str, Any] = {}

    def bind(self, prefix: str, value: object) -> str:
        """Make a value a global of the function. Returns its name."""
        name = f"{prefix}{len(self._names)}"
        self._names[name] = value
        return name

    def text(self, body: Sequence[str]) -> str:
        """The source. Functions with the same body have the same source, even if their globals differ."""
        return "\n".join([f"def f({self._parameters}):", *indented(body)]) + "\n"

    @property
    def resolvers(self) -> dict[str, str]:
        """The resolvers that the function calls directly: their qualified names by the names of the globals."""
        return {name: f"{value.__module__}.{value.__qualname__}" for name, value in self._names.items() if name[0] == "F"}

    def made(self, text: str, codes: Codes) -> Callable[..., Any]:
        """The executable function."""
        return FunctionType(codes.of(text), {**self._names, "__builtins__": __builtins__})


def indented(lines: Sequence[str]) -> list[str]:
    """The lines, indented by one level."""
    return [f"    {line}" for line in lines]
