"""How the connections to MongoDB are counted by their state."""

from typing import Any

from pymongo import MongoClient

from store.monitoring.connections import ConnectionCounts, PoolEvents


def test_the_states_of_connections_follow_from_the_events() -> None:
    events = PoolEvents(created=5, closed=2, requested=10, taken=8, returned=6, failed=1)

    assert (events.open, events.used, events.waiting) == (3, 2, 1)


def test_a_connection_counts_as_used_until_it_is_returned(database_uri: str) -> None:
    counts = ConnectionCounts()

    with MongoClient[dict[str, Any]](database_uri, event_listeners=[counts]) as client:
        things = client.get_default_database()["things"]
        things.insert_many([{"_id": number} for number in range(3)])
        idle = counts.totals()
        with client.start_session() as session, session.start_transaction():
            things.find_one({"_id": 1}, session=session)
            cursor = things.find(batch_size=1)
            next(cursor)
            cursor.close()
    closed = counts.totals()

    assert (idle.open >= 1, idle.used, idle.waiting, idle.failed) == (True, 0, 0, 0)
    assert (closed.open, closed.used, closed.waiting) == (0, 0, 0)
    assert closed.taken == closed.returned > idle.taken
