"""Enums whose members say what they mean, so that a schema or a document can be made from them."""

from enum import Enum
from typing import Self


class Described(Enum):
    """An enum with a meaning for each member: `NAME = "stored value", "What it means."`."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        member = object.__new__(cls)
        member._value_ = value
        member.meaning = meaning
        return member
