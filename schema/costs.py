"""What a field costs the gateway, declared where the field is and added up in gateway/operations/cost.py. One is about what a row of a list costs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """What a field costs: its own weight and all that is selected of it, as many times as it has rows.

    `rows` is what a list usually has; `paged`: as many as the page that the field above asks for.
    """

    weight: int
    rows: int = 1
    paged: bool = False


FREE = Cost(0)
