"""A validation rule for numbers in operation documents that are too large for their type.

graphql-core converts an Int with Python's `int`. `int` refuses more than 4,300 digits, and clients would receive its error text.
graphql-core converts a large Float to infinity, which is not a value of the type Float (GraphQL specification, 3.5.2).
"""

import re
from math import isinf
from typing import Any

from graphql import FloatValueNode, GraphQLError, GraphQLFloat, GraphQLInt, IntValueNode, ValidationRule, get_named_type
from graphql.language.printer import print_for_error

# The rule has to check only documents that match this pattern. graphql-core itself reports every Int that is out of range and has fewer digits. A
# Float is too large only with an exponent of at least three digits, or with at least 200 digits before the exponent.
MANY_DIGITS = re.compile(r"[0-9]{200}|[0-9][eE]\+?[0-9]{3}")
# "-2147483648", the smallest Int. Numbers of GraphQL have no leading zeros.
MAX_INT_CHARACTERS = 11


class NumbersInRangeRule(ValidationRule):
    """Reports numbers that are too large for the type Int or Float, in graphql-core's words."""

    def enter_int_value(self, node: IntValueNode, *_: Any) -> None:
        """Check an integer, which may stand for an Int or a Float."""
        if get_named_type(self.context.get_input_type()) is GraphQLInt and len(node.value) > MAX_INT_CHARACTERS:
            self._report("Int cannot represent non 32-bit signed integer value", node)
        self.enter_float_value(node)

    def enter_float_value(self, node: IntValueNode | FloatValueNode, *_: Any) -> None:
        """Check a number that may stand for a Float."""
        if get_named_type(self.context.get_input_type()) is GraphQLFloat and isinf(float(node.value)):
            self._report("Float cannot represent non numeric value", node)

    def _report(self, message: str, node: IntValueNode | FloatValueNode) -> None:
        self.context.report_error(GraphQLError(f"{message}: {print_for_error(node)}", node))
