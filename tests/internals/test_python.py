"""Tests private features of Python's enums, classes with `__slots__`, and compiled code. See `docs/libraries.md`."""

import inspect
from dataclasses import dataclass
from enum import Enum


class Colour(Enum):
    """An enum whose members have a name and a value, like the enums of the domain."""

    RED = "red"


class Row:
    """A class with `__slots__`. A test checks that its objects have no `__dict__`."""

    __slots__ = ("name",)


def test_pythons_enums_keep_name_and_value_under_private_names() -> None:
    assert (Colour.RED._name_, Colour.RED._value_) == ("RED", "red")


def test_pythons_slots_of_a_frozen_class_can_be_set_by_their_descriptors() -> None:
    @dataclass(frozen=True, slots=True)
    class Frozen:
        name: str

    made = object.__new__(Frozen)
    vars(Frozen)["name"].__set__(made, "a")

    assert made == Frozen("a")


def test_pythons_classes_show_whether_their_objects_have_a_dictionary() -> None:
    assert Row.__dictoffset__ == 0
    assert type("Open", (), {}).__dictoffset__ != 0


def test_pythons_compiled_module_holds_the_code_of_its_one_function() -> None:
    codes = [each for each in compile("def f(a):\n    return a\n", "<plan>", "exec").co_consts if inspect.iscode(each)]

    assert [code.co_name for code in codes] == ["f"]
