"""Tests that a caller has two token buckets: messages of subscriptions are not paid from the bucket for queries and mutations."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from domain.caller import Scope
from tests.company import PERSON
from tests.serving import Gateway, serving
from tests.wire import following

CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id } } }"
PROGRESS = "mutation($input: ReportProgressInput!) { reportProgress(input: $input) { __typename } }"
FOLLOW = "subscription($id: ID!) { verificationUpdated(id: $id) { verification { id version status reasons { code } } } }"
SUBSCRIBERS, STEPS = 15, ("LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED")
# Settings with buckets that hardly refill during a test, and without buckets of workspaces.
BUDGET: dict[str, Any] = {"rate_cost_per_second": 0.001, "rate_burst_cost": 300, "workspace_cost_per_second": 0}


async def answered_queries(gateway: Gateway, workspace: str, steps: Sequence[str]) -> int:
    """Follow a verification with SUBSCRIBERS subscriptions of one caller, while another caller reports steps.

    Then send queries of the first caller until one is refused. Returns how many queries were answered.
    """
    token, provider = (gateway.tokens.token(subject, workspace, [*Scope], timedelta(hours=1)) for subject in ("reader", "provider"))
    id = (await gateway.query(CREATE, {"input": PERSON}, provider))["createVerification"]["id"]
    async with AsyncExitStack() as stack:
        subscriptions = [await stack.enter_async_context(following(gateway, token, FOLLOW, {"id": id})) for _ in range(SUBSCRIBERS)]
        for subscription in subscriptions:
            await subscription.next()
        for step in steps:
            await gateway.query(PROGRESS, {"input": {"verificationId": id, "progress": step}}, provider)
            for subscription in subscriptions:
                await subscription.next()
        answered = 0
        while (await gateway.post("{ me { subject } }", token=token)).status_code == 200:
            answered += 1
    return answered


async def test_messages_of_subscriptions_do_not_use_up_the_rate_of_queries(database_uri: str) -> None:
    async with serving(database_uri, **BUDGET) as gateway:
        # The first caller that sends a document pays for its preparation. Send all documents once, so that the two callers compared below do not pay.
        await answered_queries(gateway, "first", STEPS[:1])
        quiet = await answered_queries(gateway, "quiet", [])
        busy = await answered_queries(gateway, "busy", STEPS)

    assert busy == quiet > 0
