"""Callers who spend more cost than their rate allows are refused until their bucket has refilled."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.caller import Caller, Scope
from gateway.callers.buckets import REFUSAL
from gateway.callers.rate import Rate
from gateway.settings import Settings
from tests.serving import ACME, Gateway, serving
from tests.wire import following, wired


class Seconds:
    """A clock whose time a test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    """The clock by which the buckets refill."""
    return Seconds()


def a_caller(subject: str = "jo", workspace: str = "acme", chain: str | None = None) -> Caller:
    return Caller(subject, workspace, frozenset(), chain=chain)


def test_a_bucket_can_be_emptied_at_once_and_refills_over_time(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)

    assert [rate.take(a_caller(), 60), rate.take(a_caller(), 40)] == [0, 0]
    seconds.now += 5
    assert rate.take(a_caller(), 50) == 0
    seconds.now += 1000
    assert [rate.take(a_caller(), 100), rate.take(a_caller(), 1) > 0] == [0, True]


def test_a_refusal_states_after_how_long_the_bucket_holds_enough(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)
    rate.take(a_caller(), 80)

    wait = rate.take(a_caller(), 50)
    seconds.now += wait

    assert wait == pytest.approx((30 + REFUSAL) / 10)
    assert rate.take(a_caller(), 50) == 0


def test_refused_requests_cost_something_but_never_more_than_a_bucket(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)
    rate.take(a_caller(), 90)

    waits = [rate.take(a_caller(), 20) for _ in range(1000)]

    assert waits[:3] == pytest.approx([1.1, 1.2, 1.3])
    assert waits[-1] == pytest.approx(2)


def test_an_operation_that_costs_more_than_a_bucket_needs_a_full_bucket_and_leaves_a_debt(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)

    assert rate.take(a_caller(), 300) == 0
    assert rate.take(a_caller(), 1) == pytest.approx((200 + 1) / 10)
    seconds.now += 29.9
    assert rate.take(a_caller(), 300) > 0
    seconds.now += 0.2
    assert rate.take(a_caller(), 300) == 0


def test_the_part_of_a_cost_that_was_already_paid_is_not_taken_again(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)

    assert [rate.take(a_caller(), 3), rate.take(a_caller(), 300, paid=3)] == [0, 0]
    seconds.now += 25
    assert [rate.take(a_caller(), 3), rate.take(a_caller(), 48, paid=3)] == [0, 0]
    assert rate.take(a_caller(), 1) == 0
    wait = rate.take(a_caller(), 50)
    seconds.now += wait
    assert [rate.take(a_caller(), 5), rate.take(a_caller(), 50, paid=5)] == [0, 0]


def test_each_caller_has_a_separate_bucket(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)
    callers = [a_caller(), a_caller("al"), a_caller(workspace="other"), a_caller(chain="ver_1"), a_caller(chain="ver_2")]

    assert [rate.take(caller, 100) for caller in callers] == [0] * 5
    assert all(rate.take(caller, 1) for caller in callers)


def test_a_rate_of_zero_limits_no_caller(seconds: Seconds) -> None:
    rate = Rate(0, 1, seconds)

    assert {rate.take(a_caller(), 1000) for _ in range(1000)} == {0}
    assert len(rate) == 0


def test_full_buckets_are_dropped(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds)
    for number in range(1000):
        rate.take(a_caller(str(number)), 1)
        seconds.now += 0.05

    assert len(rate) < 10


def test_the_number_of_buckets_never_exceeds_its_maximum(seconds: Seconds) -> None:
    rate = Rate(10, 100, seconds, max_callers=50)
    for number in range(1000):
        rate.take(a_caller(str(number)), 100)

        assert len(rate) <= 50

    assert rate.take(a_caller("999"), 1) > 0
    assert rate.take(a_caller("0"), 1) == 0


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 150)), max_size=50))
def test_no_caller_spends_more_than_the_rate_plus_one_bucket_or_operation(steps: list[tuple[float, int]]) -> None:
    seconds = Seconds()
    rate = Rate(10, 100, seconds)
    spent = 0
    for pause, cost in steps:
        seconds.now += pause
        spent += cost if rate.take(a_caller(), cost) == 0 else 0

    assert spent <= (seconds.now - 1000) * 10 + 150 + 1e-6


def a_shared_rate(seconds: Seconds) -> Rate:
    """A rate with a bucket of 100 for each caller, and a bucket of 150 for each workspace."""
    return Rate(10, 100, seconds, workspace_per_second=15, workspace_burst=150)


def test_the_callers_of_a_workspace_share_a_budget(seconds: Seconds) -> None:
    rate = a_shared_rate(seconds)

    waits = [rate.take(a_caller(subject), 80) for subject in ("jo", "al", "bo")]

    assert waits == [0, pytest.approx(10 / 15), pytest.approx(10 / 15)]
    assert rate.take(a_caller("al"), 70) == 0
    assert rate.take(a_caller("al", "other"), 100) == 0


def test_sixty_follow_tokens_get_no_more_than_their_workspace(seconds: Seconds) -> None:
    rate = Rate(2000, 8000, seconds, workspace_per_second=3000, workspace_burst=12_000)
    followers = [a_caller(f"follower of {number}", chain=f"ver_{number}") for number in range(60)]

    paid = 0
    for _ in range(100):
        for follower in followers:
            while rate.take(follower, 1) == 0:
                paid += 1
        seconds.now += 0.1

    assert paid <= 12_000 + 3000 * 10


def test_a_follow_token_costs_its_own_bucket_ten_times_and_its_workspace_once(seconds: Seconds) -> None:
    rate = a_shared_rate(seconds)

    rate.charge(a_caller(chain="ver_1"), 10)

    assert rate.missing(a_caller(chain="ver_1"), 1) == pytest.approx(1)
    assert rate.missing(a_caller("al"), 100) == 0
    assert rate.take(a_caller("al"), 100) == 0
    assert rate.missing(a_caller("bo"), 41) == pytest.approx(1 / 15)


def test_a_message_that_cannot_be_paid_at_once_costs_nothing(seconds: Seconds) -> None:
    rate = a_shared_rate(seconds)
    rate.charge(a_caller(), 98)

    taken = [rate.take_at_once(a_caller(), 5) for _ in range(1000)]

    assert not any(taken)
    assert rate.missing(a_caller(), 3) == pytest.approx(0.1)


async def test_a_message_does_not_overtake_those_that_wait(seconds: Seconds) -> None:
    timers: list[tuple[float, object]] = []
    rate = Rate(10, 100, seconds, set_timer=lambda wait, call: timers.append((wait, call)))
    rate.charge(a_caller(), 100)
    waiting = asyncio.create_task(rate.pay(a_caller(), 50))
    await asyncio.sleep(0)
    seconds.now += 4

    overtaken, other = rate.take_at_once(a_caller(), 5), rate.take_at_once(a_caller("al"), 5)
    waiting.cancel()

    assert (overtaken, other, len(timers)) == (False, True, 1)


async def test_payments_wait_for_the_workspace_in_one_queue_too(seconds: Seconds) -> None:
    timers: list[float] = []
    rate = Rate(1000, 1000, seconds, workspace_per_second=10, workspace_burst=100, set_timer=lambda wait, call: timers.append(wait))
    rate.charge(a_caller(), 100)
    waiting = [asyncio.create_task(rate.pay(a_caller(str(number)), 5)) for number in range(1000)]
    await asyncio.sleep(0)

    for task in waiting:
        task.cancel()

    assert timers == [0.5]


RATE, BURST_BY_DEFAULT = (Settings.model_fields[name].default for name in ("rate_cost_per_second", "rate_burst_cost"))
WORST_PAGE = 3601


def test_the_default_rate_never_limits_a_frontend(seconds: Seconds) -> None:
    rate = Rate(RATE, BURST_BY_DEFAULT, seconds)

    for _ in range(1000):
        assert rate.take(a_caller(), WORST_PAGE) == 0
        seconds.now += 2


def test_the_default_rate_limits_a_flood(seconds: Seconds) -> None:
    rate = Rate(RATE, BURST_BY_DEFAULT, seconds)

    waits = []
    for _ in range(10_000):
        waits.append(rate.take(a_caller(), 51))
        seconds.now += 1 / 2500

    assert sum(wait == 0 for wait in waits) < 1000


ME = "{ me { subject } }"
CREATE = 'mutation { createVerification(input: {firstName: "A", lastName: "B", redirectionUrl: "https://shop.example"}) { ... on Node { id } } }'
FOLLOW = "subscription($id: ID!) { verificationUpdated(id: $id, after: 0) { events { version } } }"
PROGRESS = "mutation($id: ID!, $step: Progress!) { reportProgress(input: {verificationId: $id, progress: $step}) { __typename } }"
BURST = 30


@pytest.fixture
async def slow(database_uri: str) -> AsyncIterator[Gateway]:
    """A gateway whose callers can spend a cost of BURST. Their buckets refill so slowly that they hardly gain anything during a test."""
    async with serving(database_uri, rate_cost_per_second=0.001, rate_burst_cost=BURST) as gateway:
        yield gateway


async def test_a_rate_limited_response_states_when_to_try_again(slow: Gateway) -> None:
    await slow.query("{ verifications(first: 25) { edges { cursor } } }")

    refused = await slow.post("{ verifications(first: 25) { edges { cursor } } }")

    [error] = refused.json()["errors"]
    assert (refused.status_code, error["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["retry-after"]) * 1000 == pytest.approx(error["extensions"]["retryAfterMs"], abs=1000)
    assert error["extensions"]["retryAfterMs"] > 10_000_000


async def test_with_a_full_bucket_one_operation_may_cost_more_than_the_bucket_holds(slow: Gateway) -> None:
    assert (await slow.post("{ verificationStats { total } }")).status_code == 200
    assert (await slow.post(ME)).status_code == 429


async def test_other_callers_are_served_while_one_is_limited(slow: Gateway) -> None:
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
        query = await wire.hear()
        await wire.subscribe("3", "subscription { verificationsUpdated { cursor } }")
        subscription = await wire.hear()
        streamed = await slow.client.post("/graphql", json={"query": ME}, headers=bearer)

    assert (query["type"], subscription["type"]) == ("error", "error")
    assert query["payload"][0]["extensions"]["code"] == subscription["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert (streamed.status_code, streamed.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")


@pytest.mark.parametrize("query", ["{", "{ nothing }", "{ me { subject } }" + " " * 20_000, "query A { me { subject } } query B { me { subject } }"])
async def test_a_refused_document_costs_something(slow: Gateway, query: str) -> None:
    answers = [(await slow.post(query)).status_code for _ in range(BURST + 1)]

    assert answers[-1] == 429


async def test_an_operation_refused_for_its_cost_costs_something(database_uri: str) -> None:
    async with serving(database_uri, rate_cost_per_second=0.001, rate_burst_cost=BURST, max_cost=20) as gateway:
        page = "query($n: Int) { verifications(first: $n) { edges { cursor } } }"
        assert (await gateway.post(page, {"n": 1})).status_code == 200

        answers = [(await gateway.post(page, {"n": 100})).status_code for _ in range(BURST + 1)]

        assert (answers[0], answers[-1]) == (400, 429)


async def test_a_document_is_paid_for_by_its_length_until_it_is_kept(slow: Gateway) -> None:
    long = ME.ljust(60)

    answers = [(await slow.post(long)).status_code for _ in range(BURST)]

    assert answers == [200] * (BURST - 15) + [429] * 15


async def test_rate_limited_requests_are_counted(slow: Gateway) -> None:
    await slow.post("{ verificationStats { total } }")
    await slow.post(ME)

    measured = (await slow.client.get("/metrics")).text

    assert 'gateway_refused_total{reason="rate"} 1.0' in measured


async def test_a_subscription_over_its_rate_waits_and_loses_no_event(database_uri: str) -> None:
    steps = ("LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED")
    async with serving(database_uri, rate_cost_per_second=200, rate_burst_cost=60) as gateway:
        provider = gateway.tokens.token("provider", ACME, [Scope.REPORT], timedelta(hours=1))
        id = (await gateway.query(CREATE))["createVerification"]["id"]
        async with following(gateway, gateway.token(), FOLLOW, {"id": id}) as updates:
            for step in steps:
                while (await gateway.post(PROGRESS, {"id": id, "step": step}, provider)).status_code == 429:
                    await asyncio.sleep(0.05)
            received = await updates.until(lambda update: update["events"][-1]["version"] == 4)

    assert [event["version"] for update in received for event in update["events"]] == [1, 2, 3, 4]
