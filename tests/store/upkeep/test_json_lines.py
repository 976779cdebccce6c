"""Tests how stored documents are written as lines of JSON."""

import json
from datetime import timedelta

from bson import Decimal128, Int64, ObjectId
from bson.datetime_ms import DatetimeMS
from bson.timestamp import Timestamp

from store.upkeep.json_lines import json_line, without_personal_data
from tests.factories import NOON, VERIFIED_RESULT, a_final_verification
from tests.storing import encode


def test_every_value_that_mongodb_can_store_is_written() -> None:
    naive, aware = (NOON + timedelta(milliseconds=5)).replace(tzinfo=None), NOON
    id = ObjectId()
    values = {"naive": naive, "aware": aware, "stamp": Timestamp(1_772_452_800, 3), "bytes": b"\x00\xff", "far": DatetimeMS(2**50), "id": id}
    numbers = {"long": Int64(7), "decimal": Decimal128("1.5"), "none": None, "list": [1, {"at": aware}], "nan": float("nan"), "true": True}

    line = json_line({**values, **numbers})

    assert line.endswith(b"}\n")
    assert json.loads(line) == {
        "naive": "2026-03-02T12:00:00.005Z",
        "aware": "2026-03-02T12:00:00.000Z",
        "stamp": "2026-03-02T12:00:00.000Z",
        "bytes": "AP8=",
        "far": str(DatetimeMS(2**50)),
        "id": str(id),
        "long": 7,
        "decimal": "1.5",
        "none": None,
        "list": [1, {"at": "2026-03-02T12:00:00.000Z"}],
        "nan": None,
        "true": True,
    }


def test_equal_documents_have_equal_lines_whatever_the_order_of_their_fields() -> None:
    assert json_line({"a": 1, "b": {"c": 2, "d": 3}}) == json_line({"b": {"d": 3, "c": 2}, "a": 1})


def test_damaged_nested_values_are_left_out() -> None:
    document = encode(a_final_verification(VERIFIED_RESULT)) | {"provider": "Jeanne", "idempotency": ["Jeanne"], "events": ["Jeanne", {"note": "x"}]}

    kept = without_personal_data(document, erasing_references=False)

    assert (kept["provider"], kept["idempotency"], kept["events"]) == ({}, {}, [{}, {"note": "x"}])
