"""Errors that end a simulation or one of its lives. Their messages say what to do."""


class SimulationError(Exception):
    """An error after which a simulation, or one of its lives, can't continue."""


class BadCredentials(SimulationError):
    """The credentials file can't be used."""


class BadPace(SimulationError):
    """A rate, count or speed outside of its allowed range."""


class TokenRefused(SimulationError):
    """The gateway doesn't accept a token, or the token lacks a required scope. Retries can't succeed."""

    def __init__(self, party: str, reason: str) -> None:
        super().__init__(
            f"the gateway refuses the {party}'s token: {reason}. "
            "Tokens expire: use the current credentials file of the running gateway, or create new tokens with `gateway token`"
        )


class Unreachable(SimulationError):
    """The gateway sent no usable response within the time limit for retries."""

    def __init__(self, url: str, fault: str) -> None:
        super().__init__(f"no response from {url}: {fault}. Is the gateway running there? `gateway dev` starts one; `--url` chooses another")


class UnexpectedResponse(SimulationError):
    """A response that a gateway with this schema would not send."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} responds, but not like this gateway: {reason}")


class Refused(Exception):
    """The gateway returned a `Refusal`. A simulation counts it and continues."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
