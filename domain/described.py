"""Enums with a description for each member. The schema and the documentation contain these descriptions."""

from enum import Enum
from typing import Self


class Described(Enum):
    """An enum whose members are declared as `NAME = "stored value", "What it means."`."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        member = object.__new__(cls)
        member._value_ = value
        member.meaning = meaning
        return member
