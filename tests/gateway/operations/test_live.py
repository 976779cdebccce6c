"""Subscribers who may see the same data share messages. No subscriber receives a message that was made for a subscriber with other rights."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from domain.caller import Caller, Scope
from gateway.operations.documents import Documents, Operation
from gateway.operations.live import MAX_KEPT_MESSAGES, Groups
from gateway.operations.operation_request import OperationRequest
from resolvers.followed_verification import VerificationUpdate
from schema.build import build, executable
from tests.company import CAPTURE_STARTED, LINK_OPENED, Company
from tests.factories import a_verification
from tests.wire import Following, following

SCHEMA = executable(build())
DOCUMENTS = Documents(SCHEMA, introspection=True)
VERIFICATION = SCHEMA.type_map["Verification"]
assert isinstance(VERIFICATION, GraphQLObjectType)
PLAIN = " ".join(name for name, field in VERIFICATION.fields.items() if is_leaf_type(get_named_type(field.type)))
WHOLE = f"{PLAIN} reasons {{ code }} declaredIdentity {{ firstName }} events {{ version type actor at fromStatus toStatus reasons {{ code }} note }}"
STATE = f"query($id: ID!) {{ verification(id: $id) {{ {WHOLE} }} }}"
UPDATED = f"subscription($id: ID!) {{ verificationUpdated(id: $id) {{ verification {{ {WHOLE} }} }} }}"
ATTEMPTS = "subscription($id: ID!) { verificationUpdated(id: $id, followRetries: true) { verification { id attempts { id status } } } }"
INNER = "subscription($id: ID!, $after: Int!) { verificationUpdated(id: $id, after: $after) { verification { events(after: $after) { version } } } }"
READER = Caller("reader", "acme", frozenset({Scope.READ}), None)


def operation(query: str = UPDATED, **variables: Any) -> Operation:
    """A prepared subscription with its variables, as if a client had requested it."""
    return DOCUMENTS.operation(OperationRequest(query, {"id": "ver_1", **variables}), "request")


def an_update() -> VerificationUpdate:
    """A message with the state of a new verification, for a subscriber who has received version 1 of attempt 1. There is no other version."""
    return VerificationUpdate(a_verification(), ((1, 1),))


async def received(followings: Iterable[Following]) -> list[dict[str, Any]]:
    """Receive the next response of each subscription. Returns these responses."""
    return [await updates.response() for updates in followings]


def shown(response: dict[str, Any], root: str) -> tuple[Any, list[Any]]:
    """The verification in a response, and the messages of its errors."""
    value = response["data"][root]
    return value["verification"] if root == "verificationUpdated" else value, [error["message"] for error in response.get("errors", [])]


async def test_each_subscriber_receives_what_their_token_shows(company: Company) -> None:
    id = await company.created(reference="order-9")
    follower = await company.follow_token(id)
    tokens = [company.token(*scopes) for scopes in ((), (Scope.READ,), (Scope.READ, Scope.SENSITIVE), (Scope.READ, Scope.REPORT))]
    async with AsyncExitStack() as stack:
        # Two subscribers for each token. All have the same document and the same variables, so only their rights differ.
        all_tokens = [*tokens, follower, follower, *reversed(tokens)]
        followings = [await stack.enter_async_context(following(company.gateway, token, UPDATED, {"id": id})) for token in all_tokens]
        await received(followings)
        for step in (LINK_OPENED, CAPTURE_STARTED):
            await company.progress(id, step)

            updates = await received(followings)
            expected = [await company.answer(STATE, {"id": id}, token) for token in all_tokens]

            assert [shown(each, "verificationUpdated") for each in updates] == [shown(each, "verification") for each in expected]
        await company.result(id, "FAILED", "IDVV_2403", "IDVV_2101")

        updates = await received(followings)
        expected = [await company.answer(STATE, {"id": id}, token) for token in all_tokens]

    assert [shown(each, "verificationUpdated") for each in updates] == [shown(each, "verification") for each in expected]
    seen = [{reason["code"] for reason in shown(each, "verificationUpdated")[0]["reasons"]} for each in updates]
    assert seen == [{"IDVV_2403", "IDVV_2101"} if sees_internal else {"IDVV_2101"} for sees_internal in (1, 0, 1, 0, 0, 0, 0, 1, 0, 1)]
    assert len({str(shown(each, "verificationUpdated")) for each in updates}) == 3


async def test_fields_that_query_the_database_are_read_again_for_each_event(company: Company) -> None:
    id = await company.created()
    async with (
        following(company.gateway, company.token(), ATTEMPTS, {"id": id}) as one,
        following(company.gateway, company.token(), ATTEMPTS, {"id": id}) as other,
    ):
        await received((one, other))
        await company.result(id, "INCONCLUSIVE", "IDVV_1101")
        ended = await received((one, other))
        retry = (await company.retry(id))["id"]
        retried = [[await updates.next(), await updates.next()] for updates in (one, other)]

    for response in ended:
        assert response["data"]["verificationUpdated"]["verification"]["attempts"] == [{"id": id, "status": "INCONCLUSIVE"}]
    for updates in retried:
        assert [update["verification"]["id"] for update in updates] == [id, retry]
        assert updates[-1]["verification"]["attempts"] == [{"id": id, "status": "INCONCLUSIVE"}, {"id": retry, "status": "PENDING"}]


def test_subscribers_share_a_group_only_with_the_same_operation_and_the_same_rights() -> None:
    groups = Groups()
    group = groups.of(operation(), READER)

    assert groups.of(operation(), replace(READER, subject="another reader")) is group
    assert groups.of(operation(id="ver_2"), READER) is group, "the followed verification is part of the event, not of the group"
    for other in (
        groups.of(operation(), replace(READER, workspace="other")),
        groups.of(operation(), replace(READER, chain="ver_1")),
        groups.of(operation(), replace(READER, scopes=READER.scopes | {Scope.SENSITIVE})),
        groups.of(operation(), replace(READER, scopes=frozenset({Scope.FOLLOW}))),
        groups.of(operation(ATTEMPTS), READER),
        groups.of(operation()._replace(with_cost=True), READER),
    ):
        assert other is not group


@pytest.mark.parametrize(("after", "same"), [(1, True), (2, False)])
def test_subscribers_share_a_group_only_with_the_same_variables_below_the_root_field(after: int, same: bool) -> None:
    groups = Groups()

    group, other = groups.of(operation(INNER, after=1), READER), groups.of(operation(INNER, after=after), READER)

    assert (group is other) is same


def test_a_group_keeps_the_messages_of_the_last_events() -> None:
    groups = Groups()
    group = groups.of(operation(), READER)
    updates = [an_update() for _ in range(MAX_KEPT_MESSAGES + 1)]

    for number, update in enumerate(updates):
        group.keep(update, b"%d" % number)

    assert [group.message(update) for update in updates] == [None, *(b"%d" % number for number in range(1, MAX_KEPT_MESSAGES + 1))]
    assert group.message(updates[-1]._replace(seen=((1, 0),))) is None
    assert group.message(an_update()) is None


def test_a_group_without_subscribers_is_dropped() -> None:
    groups = Groups()
    first = groups.of(operation(), READER)
    update = an_update()
    first.keep(update, b"message")

    del first

    assert groups.of(operation(), READER).message(update) is None
