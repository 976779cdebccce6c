"""A fixture that all tests of this folder use automatically."""

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def lost_servers() -> Iterator[None]:
    """Run the garbage collector after each module, and ignore its warnings about unclosed sockets.

    When a test ends its MongoDB, the driver sometimes leaves an unclosed socket to the garbage collector, which then warns. Tests treat this warning
    as an error, so it would fail an unrelated test that happens to run at that moment. The gateways run in other processes: this fixture hides
    nothing about them.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
