"""Tests that uuid-utils makes ids that sort by the time of their creation. See `docs/libraries.md`."""

from uuid_utils import uuid7


def test_uuid_utils_makes_identifiers_that_sort_by_time() -> None:
    first, second = uuid7(), uuid7()

    assert first.hex <= second.hex
    assert (len(first.hex), first.hex[12]) == (32, "7")
