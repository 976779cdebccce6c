"""The errors of the simulation. Their messages say what to do.

A life, as in the other modules of the simulation, is one simulated verification with all its retries.
"""


class SimulationError(Exception):
    """An error after which a simulation, or one of its lives, can't continue."""


class BadCredentials(SimulationError):
    """The credentials file can't be read, or its content is not valid."""


class BadPace(SimulationError):
    """The rate, the count or the speed is not in its allowed range."""


class TokenRefused(SimulationError):
    """The gateway doesn't accept the token, or the token lacks a required scope. Sending the request again can't succeed."""

    def __init__(self, party: str, reason: str) -> None:
        super().__init__(
            f"the gateway refuses the {party}'s token: {reason}. "
            "Tokens expire: use the current credentials file of the running gateway, or create new tokens with `gateway token`"
        )


class Unreachable(SimulationError):
    """The gateway sent no usable response until the time limit for retries was over."""

    def __init__(self, url: str, fault: str) -> None:
        super().__init__(f"no response from {url}: {fault}. Is the gateway running there? `gateway dev` starts one; `--url` chooses another")


class UnexpectedResponse(SimulationError):
    """A response that this gateway would never send. The URL probably belongs to another server, or to a gateway with another schema."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} responds, but not like this gateway: {reason}")


class Refused(Exception):
    """The gateway returned a `Refusal`. A simulation counts it and continues."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.field = field
