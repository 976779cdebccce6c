"""A fixture for all tests of this folder."""

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def lost_servers() -> Iterator[None]:
    """Collect the garbage of tests whose servers end: sometimes the driver leaves a lost socket to the garbage collector.

    Collect it here, without the warning. In other tests, an unclosed socket is an error, and it would appear in whichever test runs during
    the collection. Gateways are not affected, since they run in other processes.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
