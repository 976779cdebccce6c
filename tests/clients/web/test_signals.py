"""Tests that web/client removes its listener from an abort signal when a wait ends. Otherwise, a list's signal would collect listeners for weeks."""

from tests.clients.web.program import program


async def test_a_signal_keeps_no_listener_of_a_wait_that_has_ended(node: str) -> None:
    async with program(node, "signals.js", "http://127.0.0.1:1") as running:
        await running.exited()

    assert running.all("listeners") == [0]
