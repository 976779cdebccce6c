"""What stops a simulation, or one life in it, said with what to do about it."""


class SimulationError(Exception):
    """Something that a simulation can't go on with."""


class BadCredentials(SimulationError):
    """The credentials file can't be used."""


class BadPace(SimulationError):
    """A rate, count or speed that nothing can be driven at."""


class TokenRefused(SimulationError):
    """The gateway doesn't accept a token, or the token lacks a right that is needed. Nothing more can be done with it."""

    def __init__(self, party: str, reason: str) -> None:
        super().__init__(
            f"the gateway refuses the {party}'s token: {reason}. "
            "Tokens expire: use the credentials file of the gateway as it runs now, or make new ones with `gateway token`"
        )


class Unreachable(SimulationError):
    """No answer, or none of use, for as long as patience lasted."""

    def __init__(self, url: str, fault: str) -> None:
        super().__init__(f"no answer from {url}: {fault}. Is the gateway running there? `gateway dev` starts one; `--url` names another")


class Misunderstood(SimulationError):
    """An answer that a gateway of this contract wouldn't give."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} answers, but not as this gateway does: {reason}")


class Refused(Exception):
    """The gateway's `Refusal`: an answer, which a simulation counts and goes on from."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
