"""Tests that the batches of the change stream are counted by their size."""

from store.monitoring.stream_counts import BATCH_BUCKETS, StreamCounts


def test_batches_are_counted_by_their_size() -> None:
    counts = StreamCounts()

    for changes in (0, 0, 1, 7, 500):
        counts.received(changes)
    counts.restarted("silent")

    assert dict(zip([*BATCH_BUCKETS, None], counts.batches, strict=True)) == {0: 2, 1: 1, 5: 0, 10: 1, 50: 0, 100: 0, 250: 0, 499: 0, None: 1}
    assert counts.changes == 508
    assert counts.restarts == {"silent": 1}
