"""How fast a caller may spend."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.caller import Caller, Scope
from gateway.callers.rate import REFUSAL, Rate
from gateway.settings import Settings
from tests.serving import ACME, Gateway, serving
from tests.wire import following, wired


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    """The time."""
    return Seconds()


def somebody(subject: str = "somebody", workspace: str = "acme", chain: str | None = None) -> Caller:
    return Caller(subject, workspace, frozenset(), chain=chain)


def test_a_bucket_is_emptied_at_once_and_fills_again_by_and_by(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)

    assert [rate.take(somebody(), 60), rate.take(somebody(), 40)] == [0, 0]
    seconds.now += 5
    assert rate.take(somebody(), 50) == 0
    seconds.now += 1000
    assert [rate.take(somebody(), 100), rate.take(somebody(), 1) > 0] == [0, True]


def test_it_tells_after_how_long_there_is_enough(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)
    rate.take(somebody(), 80)

    wait = rate.take(somebody(), 50)
    seconds.now += wait

    assert wait == pytest.approx((30 + REFUSAL) / 10)
    assert rate.take(somebody(), 50) == 0


def test_to_ask_in_vain_costs_something_but_never_more_than_a_bucket(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)
    rate.take(somebody(), 90)

    waits = [rate.take(somebody(), 20) for _ in range(1000)]

    assert waits[:3] == pytest.approx([1.1, 1.2, 1.3])
    assert waits[-1] == pytest.approx(2)


def test_what_costs_more_than_a_bucket_needs_a_full_one_and_leaves_a_debt(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)

    assert rate.take(somebody(), 300) == 0
    assert rate.take(somebody(), 1) == pytest.approx((200 + 1) / 10)
    seconds.now += 29.9
    assert rate.take(somebody(), 300) > 0
    seconds.now += 0.2
    assert rate.take(somebody(), 300) == 0


def test_what_was_paid_before_counts(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)

    assert [rate.take(somebody(), 3), rate.take(somebody(), 300, paid=3)] == [0, 0]
    seconds.now += 25
    assert [rate.take(somebody(), 3), rate.take(somebody(), 48, paid=3)] == [0, 0]
    assert rate.take(somebody(), 1) == 0
    wait = rate.take(somebody(), 50)
    seconds.now += wait
    assert [rate.take(somebody(), 5), rate.take(somebody(), 50, paid=5)] == [0, 0]


def test_each_caller_has_a_bucket_of_their_own(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)
    callers = [somebody(), somebody("else"), somebody(workspace="other"), somebody(chain="ver_1"), somebody(chain="ver_2")]

    assert [rate.take(caller, 100) for caller in callers] == [0] * 5
    assert all(rate.take(caller, 1) for caller in callers)


def test_nobody_is_limited_where_no_rate_is_set(seconds: Seconds) -> None:
    rate = Rate(0, 1, seconds)

    assert {rate.take(somebody(), 1000) for _ in range(1000)} == {0}
    assert len(rate) == 0


def test_full_buckets_are_forgotten(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)
    for number in range(1000):
        rate.take(somebody(str(number)), 1)
        seconds.now += 0.05

    assert len(rate) < 10


def test_there_are_never_more_buckets_than_may_be(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds, max_callers=50)
    for number in range(1000):
        rate.take(somebody(str(number)), 100)

        assert len(rate) <= 50

    assert rate.take(somebody("999"), 1) > 0
    assert rate.take(somebody("0"), 1) == 0


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 150)), max_size=50))
def test_nobody_spends_more_than_the_rate_and_one_bucket_or_operation(steps: list[tuple[float, int]]) -> None:
    seconds = Seconds()
    rate = Rate(10, 100, seconds)
    spent = 0
    for pause, cost in steps:
        seconds.now += pause
        spent += cost if rate.take(somebody(), cost) == 0 else 0

    assert spent <= (seconds.now - 1000) * 10 + 150 + 1e-6


RATE, BURST_BY_DEFAULT = (Settings.model_fields[name].default for name in ("rate_cost_per_second", "rate_burst_cost"))
WORST_PAGE = 3601


def test_a_frontend_never_meets_the_limit(seconds: Seconds) -> None:
    rate = Rate(RATE, BURST_BY_DEFAULT, seconds)

    for _ in range(1000):
        assert rate.take(somebody(), WORST_PAGE) == 0
        seconds.now += 1


def test_a_flood_does(seconds: Seconds) -> None:
    rate = Rate(RATE, BURST_BY_DEFAULT, seconds)

    waits = []
    for _ in range(10_000):
        waits.append(rate.take(somebody(), 51))
        seconds.now += 1 / 2500

    assert sum(wait == 0 for wait in waits) < 1000


ME = "{ me { subject } }"
CREATE = 'mutation { createVerification(input: {firstName: "A", lastName: "B", redirectionUrl: "https://shop.example"}) { ... on Node { id } } }'
FOLLOW = "subscription($id: ID!) { verificationUpdated(id: $id, after: 0) { events { version } } }"
PROGRESS = "mutation($id: ID!, $step: Progress!) { reportProgress(input: {verificationId: $id, progress: $step}) { __typename } }"
BURST = 30


@pytest.fixture
async def slow(database_uri: str) -> AsyncIterator[Gateway]:
    """A gateway that gives next to nothing back while a test lasts."""
    async with serving(database_uri, rate_cost_per_second=0.001, rate_burst_cost=BURST) as gateway:
        yield gateway


async def test_who_asks_too_much_is_told_when_to_come_back(slow: Gateway) -> None:
    await slow.query("{ verifications(first: 25) { edges { cursor } } }")

    refused = await slow.post("{ verifications(first: 25) { edges { cursor } } }")

    [error] = refused.json()["errors"]
    assert (refused.status_code, error["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["retry-after"]) * 1000 == pytest.approx(error["extensions"]["retryAfterMs"], abs=1000)
    assert error["extensions"]["retryAfterMs"] > 10_000_000


async def test_what_costs_more_than_a_bucket_can_be_afforded_once(slow: Gateway) -> None:
    assert (await slow.post("{ verificationStats { total } }")).status_code == 200
    assert (await slow.post(ME)).status_code == 429


async def test_others_are_served_meanwhile(slow: Gateway) -> None:
    while (await slow.post(ME)).status_code == 200:
        pass

    assert (await slow.post(ME, token=slow.token(workspace="other"))).status_code == 200


async def test_every_transport_takes_from_the_same_bucket(slow: Gateway) -> None:
    bearer = {"authorization": f"Bearer {slow.token()}", "accept": "text/event-stream"}
    async with wired(slow, slow.token()) as wire:
        await wire.subscribe("1", "subscription { verificationsUpdated { cursor } }")
        assert (await wire.hear())["type"] == "next"
        while (await slow.post(ME)).status_code == 200:
            pass

        await wire.subscribe("2", ME)
        told = await wire.hear()
        await wire.subscribe("3", "subscription { verificationsUpdated { cursor } }")
        also = await wire.hear()
        streamed = await slow.client.post("/graphql", json={"query": ME}, headers=bearer)

    assert (told["type"], also["type"]) == ("error", "error")
    assert told["payload"][0]["extensions"]["code"] == also["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert (streamed.status_code, streamed.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")


@pytest.mark.parametrize("query", ["{", "{ nothing }", "{ me { subject } }" + " " * 20_000, "query A { me { subject } } query B { me { subject } }"])
async def test_what_is_refused_is_not_free(slow: Gateway, query: str) -> None:
    answers = [(await slow.post(query)).status_code for _ in range(BURST + 1)]

    assert answers[-1] == 429


async def test_what_is_known_to_cost_too_much_is_not_refused_for_nothing(database_uri: str) -> None:
    async with serving(database_uri, rate_cost_per_second=0.001, rate_burst_cost=BURST, max_cost=20) as gateway:
        page = "query($n: Int) { verifications(first: $n) { edges { cursor } } }"
        assert (await gateway.post(page, {"n": 1})).status_code == 200

        answers = [(await gateway.post(page, {"n": 100})).status_code for _ in range(BURST + 1)]

        assert (answers[0], answers[-1]) == (400, 429)


async def test_a_document_is_paid_for_by_its_length_until_it_is_known(slow: Gateway) -> None:
    long = ME.ljust(60)

    answers = [(await slow.post(long)).status_code for _ in range(BURST)]

    assert answers == [200] * (BURST - 15) + [429] * 15


async def test_what_is_refused_is_measured(slow: Gateway) -> None:
    await slow.post("{ verificationStats { total } }")
    await slow.post(ME)

    measured = (await slow.client.get("/metrics")).text

    assert 'gateway_refused_total{reason="rate"} 1.0' in measured


async def test_a_subscription_that_cannot_be_paid_waits_and_loses_nothing(database_uri: str) -> None:
    steps = ("LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED")
    async with serving(database_uri, rate_cost_per_second=200, rate_burst_cost=60) as gateway:
        provider = gateway.tokens.token("provider", ACME, [Scope.REPORT], timedelta(hours=1))
        id = (await gateway.query(CREATE))["createVerification"]["id"]
        async with following(gateway, gateway.token(), FOLLOW, {"id": id}) as updates:
            for step in steps:
                while (await gateway.post(PROGRESS, {"id": id, "step": step}, provider)).status_code == 429:
                    await asyncio.sleep(0.05)
            told = await updates.until(lambda update: update["events"][-1]["version"] == 4)

    assert [event["version"] for update in told for event in update["events"]] == [1, 2, 3, 4]
