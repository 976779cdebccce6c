"""Ends a test that needs something which this machine lacks."""

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skip the running test; in CI, where everything must be installed, fail it. `reason`: what is missing, and how to install it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
