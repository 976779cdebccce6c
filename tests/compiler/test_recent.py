"""The cache `Recent` drops the least recently used values when one of its two limits is exceeded."""

from compiler.recent import Recent


def test_the_least_recently_used_values_are_dropped_first() -> None:
    recent = Recent[str, str](3, 10)
    for key in ("a", "b", "c"):
        recent.keep(key, key, 1)
    recent.keep("b", "B", 2)
    assert recent.get("a") == "a"

    recent.keep("d", "d", 1)
    assert [key in recent for key in ("a", "b", "c", "d")] == [True, True, False, True]

    recent.keep("e", "e", 9)
    assert [key in recent for key in ("a", "b", "d", "e")] == [False, False, True, True]
