"""Functions, made of source. Those of the same text share their code: most selections are like others, in this plan or in another one."""

from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any

from compiler.recent import Recent

MAX_CODES = 4096
MAX_CHARACTERS = 1_000_000


class Codes:
    """Compiled code by its text; that used least recently is forgotten."""

    def __init__(self) -> None:
        self._kept = Recent[str, CodeType](MAX_CODES, MAX_CHARACTERS)

    def of(self, text: str) -> CodeType:
        """The code of the one function that a text defines."""
        code = self._kept.get(text)
        if not code:
            [code] = (each for each in compile(text, "<plan>", "exec").co_consts if isinstance(each, CodeType))
            self._kept.keep(text, code, len(text))
        return code


class Function:
    """A function that is being written. What it needs, it finds by name in globals of its own."""

    def __init__(self, parameters: str) -> None:
        self._parameters = parameters
        self._names: dict[str, Any] = {}

    def keep(self, prefix: str, value: object) -> str:
        """A name for a value."""
        name = f"{prefix}{len(self._names)}"
        self._names[name] = value
        return name

    def text(self, body: Sequence[str]) -> str:
        """Its source. Other functions with the same body have the same, whatever their names stand for."""
        return "\n".join([f"def f({self._parameters}):", *indented(body)]) + "\n"

    @property
    def resolvers(self) -> dict[str, str]:
        """Which of its names stand for which resolvers."""
        return {name: f"{value.__module__}.{value.__qualname__}" for name, value in self._names.items() if name[0] == "F"}

    def made(self, text: str, codes: Codes) -> Callable[..., Any]:
        """The function."""
        return FunctionType(codes.of(text), {**self._names, "__builtins__": __builtins__})


def indented(lines: Sequence[str]) -> list[str]:
    """The lines, one level deeper."""
    return [f"    {line}" for line in lines]
