"""The cost of a field, declared at the field and added up in gateway/operations/cost.py. The unit is roughly the cost of one row of a list."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a field: its weight plus the cost of its selected fields, multiplied by its number of rows.

    `rows` is the usual length of a list. If `paged` is True, the number of rows is the size of the page that the parent field requests.
    """

    weight: int
    rows: int = 1
    paged: bool = False


FREE = Cost(0)
