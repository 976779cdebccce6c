"""The records of a run: what the provider decided and sent, what the backend received, what was killed, and what the gateways stored and show."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from domain.status import Status
from tests.fakes.yousign import Fault
from tests.soak.plan import Fate


@dataclass(slots=True)
class Attempt:
    """A request to create a verification at the provider, successful or not.

    `gateway`: the process that sent it. `video`: the provider's id of the verification that it created; None if it created none.
    """

    gateway: str
    at: float
    fault: Fault | None = None
    video: str | None = None


class Death(NamedTuple):
    """A gateway process that was killed."""

    gateway: str
    at: float


class Decision(NamedTuple):
    """The outcome of a verification at the provider."""

    status: Status
    codes: tuple[str, ...]
    documented: bool


class Delivered(NamedTuple):
    """A webhook that the backend received. `status`: the status of the verification in it."""

    verification_id: str
    version: int
    status: str
    accepted: bool


@dataclass
class Records:
    """Everything that the checker compares.

    `injected`: how often each fault was injected, by its description. `attempts`: the requests that start a verification, by its number. `numbers`,
    `decisions`: the number and the outcome of a verification, by the provider's id. `answered`: the webhooks that a gateway answered with 200, as
    (workspace, event id). `created`: the ids of the verifications that a client received, by their numbers. `complaints`: descriptions of answers
    that a gateway must not give. `forged`: how many webhooks with a wrong signature the backend received.
    `documents`, `inbox`, `starts`: the MongoDB documents at the end. `shown`: what the gateways show at the end, by verification.
    """

    fates: Sequence[Fate]
    injected: Counter[str] = field(default_factory=Counter)
    attempts: dict[int, list[Attempt]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    deaths: list[Death] = field(default_factory=list)
    answered: set[tuple[str, str]] = field(default_factory=set)
    created: dict[int, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    delivered: list[Delivered] = field(default_factory=list)
    forged: int = 0
    documents: list[Mapping[str, Any]] = field(default_factory=list)
    inbox: list[Mapping[str, Any]] = field(default_factory=list)
    starts: list[Mapping[str, Any]] = field(default_factory=list)
    shown: dict[str, Mapping[str, Any]] = field(default_factory=dict)
