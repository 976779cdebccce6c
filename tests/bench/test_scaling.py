"""Tests how bench/limits/scaling.py counts the writes in MongoDB's oplog."""

import pytest
from bson import encode

from bench.limits.scaling import LIVES, oplog_figures


def entry(collection: str, kind: str = "u") -> dict[str, object]:
    """An entry of the oplog for a write to this collection."""
    return {"op": kind, "ns": f"gateway.{collection}", "o": {"x": 1}}


def test_writes_are_counted_by_their_collection_and_heartbeats_are_left_out() -> None:
    found = oplog_figures([*[entry("verifications", "i")] * LIVES, *[entry("deliveries")] * LIVES * 2, entry("heartbeats"), entry("", "n")])

    assert found["writes_per_verification"] == 3
    assert found["writes_to_deliveries_per_verification"] == 2
    assert found["oplog_bytes_per_verification"] == len(encode(entry("verifications", "i"))) + 2 * len(encode(entry("deliveries")))


def test_each_write_of_a_transaction_counts() -> None:
    transaction = {"op": "c", "ns": "admin.$cmd", "o": {"applyOps": [entry("verifications"), entry("tombstones", "i")]}}

    assert oplog_figures([transaction])["writes_per_verification"] == pytest.approx(2 / LIVES)
