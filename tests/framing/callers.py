"""Callers of a gateway for the tests of this folder. Each caller has its own workspace, so that a response shows whose request it answers."""

from datetime import timedelta
from itertools import cycle
from uuid import uuid4

from tests.framing.requests import Caller
from tests.serving import INTEGRATOR, Gateway

CALLERS = 24


class Callers:
    """Callers that take turns, so that two consecutive requests never have the same caller.

    The additional caller `smuggler` owns the requests that tests hide inside the bodies of other requests. The gateway must never execute these.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._callers = cycle([self.new() for _ in range(CALLERS)])
        self.smuggler = self.new()

    def new(self) -> Caller:
        """Create a caller with a new workspace."""
        workspace = f"workspace-{uuid4().hex[:12]}"
        caller = Caller(workspace, "")
        return Caller(workspace, self._gateway.tokens.token(caller.subject, workspace, list(INTEGRATOR), timedelta(hours=1)))

    def next(self) -> Caller:
        """The next caller in turn, for the next request."""
        return next(self._callers)
