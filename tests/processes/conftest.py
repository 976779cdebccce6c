"""What tests of whole processes leave behind."""

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def lost_servers() -> Iterator[None]:
    """The garbage of tests whose servers end: the driver leaves a socket that it lost to the collector now and then.

    Let it come by here, and not in other tests, to whom such a socket is a mistake. The gateways have theirs in processes of their own.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
