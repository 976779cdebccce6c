"""The cost of a field. Fields declare their costs, and gateway/operations/cost.py adds them up. One unit is roughly the cost of one row of a list."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """What a field costs: for each row, `weight` plus the costs of the fields that are selected below it. A field that is no list has one row.

    For a list, `rows` is its usual length. If `paged` is True, the number of rows is instead the size of the page that the field itself or its parent
    field requests with `first` or `last`.
    """

    weight: int
    rows: int = 1
    paged: bool = False


FREE = Cost(0)
