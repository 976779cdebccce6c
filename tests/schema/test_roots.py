"""Tests that every field of every type can be selected and has a value in at least one response, to find broken resolvers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLUnionType,
    OperationType,
    get_named_type,
    is_leaf_type,
)

from domain.caller import Scope
from domain.instant import instant_text
from domain.webhook import WebhookState
from schema.build import build, executable
from store.feeds.tombstones import tombstone
from store.inbox import to_document
from store.indexes import DELIVERIES, INBOX, TOMBSTONES
from tests.company import CAPTURE_STARTED, LINK_OPENED, PERSON, Company
from tests.factories import a_verification
from tests.store.test_inbox import a_webhook
from tests.wire import following

SCHEMA = executable(build())
OBJECTS = [type for name, type in SCHEMA.type_map.items() if isinstance(type, GraphQLObjectType) and not name.startswith("__")]
ROOTS = {type.name for type in (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type) if type}
DOCUMENT = {
    "fullName": "Jeanne Moreau",
    "bornOn": "1990-01-23",
    "type": "PASSPORT",
    "issuingCountryCode": "FR",
    "nationalIdentificationNumber": "900123456789012",
}

Calls = list[tuple[str, dict[str, Any]]]
Selected = set[tuple[str, str]]


def all_fields(type: GraphQLOutputType, parents: tuple[str, ...] = ()) -> str:
    """The text of a selection set with all fields of a type. To keep the text finite, a type is selected inside itself only once."""
    named = get_named_type(type)
    if is_leaf_type(named):
        return ""
    if isinstance(named, GraphQLUnionType | GraphQLInterfaceType):
        kinds = (f"... on {kind.name} {all_fields(kind, parents)}" for kind in SCHEMA.get_possible_types(named))
        return f"{{ __typename {' '.join(kinds)} }}"
    assert isinstance(named, GraphQLObjectType)
    parents = (*parents, named.name)
    fields = (name + all_fields(field.type, parents) for name, field in named.fields.items() if parents.count(get_named_type(field.type).name) < 2)
    return f"{{ __typename {' '.join(fields)} }}"


def operation(type: OperationType, name: str, arguments: dict[str, Any]) -> str:
    """The text of an operation that selects all fields below one root field. The arguments of the root field are passed as variables."""
    root = SCHEMA.get_root_type(type)
    assert root
    field: GraphQLField = root.fields[name]
    declared = ", ".join(f"${argument}: {field.args[argument].type}" for argument in arguments)
    passed = ", ".join(f"{argument}: ${argument}" for argument in arguments)
    return f"{type.value}{declared and f'({declared})'} {{ {name}{passed and f'({passed})'}{all_fields(field.type)} }}"


def selected(value: Any) -> Iterator[tuple[str, str]]:
    """The type and the name of each field that has a value other than null in this part of a response."""
    if isinstance(value, list):
        for item in value:
            yield from selected(item)
    elif isinstance(value, dict):
        for name, part in value.items():
            if part is not None and name != "__typename":
                yield value["__typename"], name
                yield from selected(part)


async def executed(company: Company, type: OperationType, calls: Calls) -> Selected:
    """Execute queries or mutations. Returns the type and the name of each field that has a value other than null in any response."""
    found: Selected = set()
    for name, arguments in calls:
        token = company.token(*Scope)
        [value] = (await company.ask(operation(type, name, arguments), arguments, token)).values()
        found.update(selected(value))
    return found


async def followed(company: Company, name: str, arguments: dict[str, Any], messages: int) -> list[Any]:
    """Start a subscription. Returns its first messages; `messages` is their number."""
    query = operation(OperationType.SUBSCRIPTION, name, arguments)
    async with following(company.gateway, company.token(), query, arguments) as updates:
        return [await updates.next() for _ in range(messages)]


def check_arguments(type: OperationType, calls: Calls) -> None:
    """Check that `calls` uses every field of this root type, and passes every argument of each field at least once."""
    root = SCHEMA.get_root_type(type)
    assert root
    assert {name for name, _ in calls} == root.fields.keys()
    for name, field in root.fields.items():
        used = {argument for called, arguments in calls if called == name for argument in arguments}
        assert used == set(field.args), name


def fail_delivery(company: Company, id: str) -> None:
    """Change the stored delivery of a verification as if a try had failed."""
    company.collection.database[DELIVERIES].update_one({"_id": id}, {"$set": {"lastStatus": 500, "lastError": "the response is not a success"}})


async def test_every_field_of_every_type_has_a_value_in_some_response(company: Company) -> None:
    id = await company.created(reference="order-1")
    mutations: Calls = [
        ("createVerification", {"input": {**PERSON, "reference": "order-2", "faceRecognition": True, "idempotencyKey": "once"}}),
        ("createVerification", {"input": {**PERSON, "firstName": ""}}),
        ("reportProgress", {"input": {"verificationId": id, "progress": LINK_OPENED, "eventId": "event-1"}}),
        ("reportProgress", {"input": {"verificationId": id, "progress": CAPTURE_STARTED}}),
        ("reportResult", {"input": {"verificationId": id, "status": "FAILED", "reasonCodes": ["IDVV_2101"], "extractedDocument": DOCUMENT}}),
        ("reportResult", {"input": {"verificationId": id, "status": "INCONCLUSIVE", "reasonCodes": ["IDVV_1202"]}}),
        ("retryVerification", {"input": {"verificationId": id, "firstName": "Jeanne-Marie", "redirectionUrl": "http://shop.example"}}),
        ("issueFollowToken", {"verificationId": id, "ttlSeconds": 60}),
        ("resendWebhooks", {"verificationId": id, "fromVersion": 1}),
    ]
    closing: Calls = [("closeVerification", {"input": {"verificationId": await company.created(), "note": "given up"}})]
    anonymization: Calls = [("anonymizeVerification", {"id": id, "wholeChain": False})]
    since = instant_text(datetime.now(UTC) - timedelta(hours=1))
    until = instant_text(datetime.now(UTC) + timedelta(hours=1))
    filter = {
        "status": ["FAILED"],
        "reasonCode": ["IDVV_2101"],
        "reasonType": ["DOCUMENT_ISSUE"],
        "reference": "order-1",
        "createdAfter": since,
        "createdBefore": until,
        "firstAttemptsOnly": True,
    }
    queries: Calls = [
        ("node", {"id": id}),
        ("verification", {"id": id}),
        ("verifications", {"filter": filter, "orderBy": "UPDATED_OLDEST", "first": 10, "after": None}),
        ("verifications", {"last": 10, "before": None}),
        ("verificationStats", {"filter": filter}),
        ("webhookDeliveries", {"state": ["WAITING"], "first": 10, "verificationId": id}),
        ("statuses", {}),
        ("reasonCodes", {"status": "FAILED", "type": "IDENTITY_FRAUD"}),
        ("reasonCode", {"code": "IDVV_1101"}),
        ("me", {}),
        ("unmatchedWebhooks", {"first": 10}),
    ]
    update = {"id": id, "after": 0, "followRetries": True}
    resumed = {"id": id, "cursor": None}
    feed = {"filter": filter, "after": None}
    webhook = a_webhook(workspace=company.workspace, state=WebhookState.UNMATCHED, received_at=datetime.now(UTC))
    company.collection.database[INBOX].insert_one(to_document(webhook))
    check_arguments(OperationType.MUTATION, mutations + closing + anonymization)
    check_arguments(OperationType.QUERY, queries)
    check_arguments(OperationType.SUBSCRIPTION, [("verificationUpdated", update), ("verificationUpdated", resumed), ("verificationsUpdated", feed)])

    found = await executed(company, OperationType.MUTATION, mutations + closing)
    fail_delivery(company, id)
    found |= await executed(company, OperationType.QUERY, queries)
    found |= {*selected(await followed(company, "verificationUpdated", update, 1))}
    [start] = await followed(company, "verificationsUpdated", feed, 1)
    # Store a tombstone, which the gateway leaves when it deletes a verification.
    company.collection.database[TOMBSTONES].insert_one(tombstone(a_verification().id, company.workspace, datetime.now(UTC), timedelta(days=1)))
    found |= {*selected(await followed(company, "verificationsUpdated", {**feed, "after": start["cursor"]}, 3))}
    found |= await executed(company, OperationType.MUTATION, anonymization)

    every = {(type.name, name) for type in OBJECTS if type.name not in ROOTS for name in type.fields}
    assert every - found == set()
