"""Tests that gql, a GraphQL client for Python, works with the gateway."""

from gql import Client, GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.common.adapters.websockets import WebSocketsAdapter
from gql.transport.websockets import WebsocketsTransport

from tests.company import CAPTURE_STARTED, LINK_OPENED, PERSON, Company
from tests.wire import PROTOCOL

CREATION = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id } } }"
FOLLOWING = "subscription($id: ID!, $after: Int) { verificationUpdated(id: $id, after: $after) { verification { version } events { version } } }"


def client(company: Company, reads_the_schema: bool = False) -> Client:
    init = {"authorization": f"Bearer {company.token()}"}
    transport = WebsocketsTransport(company.gateway.websocket, init_payload=init, subprotocols=[PROTOCOL])
    return Client(transport=transport, fetch_schema_from_transport=reads_the_schema)


async def test_gql_reads_the_schema_and_follows_a_verification_to_its_final_status(company: Company) -> None:
    id = await company.created()
    versions = []

    async with client(company, reads_the_schema=True) as session:
        async for update in session.subscribe(GraphQLRequest(FOLLOWING, variable_values={"id": id})):
            versions.append(update["verificationUpdated"]["verification"]["version"])
            if len(versions) == 1:
                await company.progress(id, LINK_OPENED)
            if len(versions) == 2:
                await company.result(id, "VERIFIED")

    assert versions == [1, 2, 3]


async def test_gql_queries_mutates_and_resumes_after_a_lost_connection(company: Company) -> None:
    versions: list[int] = []

    async def follow(session: AsyncClientSession, id: str, last: int) -> None:
        variables = {"id": id, "after": versions[-1] if versions else 0}
        async for update in session.subscribe(GraphQLRequest(FOLLOWING, variable_values=variables)):
            versions.extend(event["version"] for event in update["verificationUpdated"]["events"])
            if versions[-1] >= last:
                return

    async with client(company) as session:
        assert (await session.execute(GraphQLRequest("{ me { workspaceId } }")))["me"] == {"workspaceId": company.workspace}
        id = (await session.execute(GraphQLRequest(CREATION, variable_values={"input": PERSON})))["createVerification"]["id"]
        await company.progress(id, LINK_OPENED)
        await follow(session, id, 2)
        transport = session.transport
        assert isinstance(transport, WebsocketsTransport)
        assert isinstance(transport.adapter, WebSocketsAdapter)
        assert transport.adapter.websocket
        transport.adapter.websocket.transport.abort()
    await company.progress(id, CAPTURE_STARTED)
    await company.result(id, "VERIFIED")
    async with client(company) as session:
        await follow(session, id, 4)

    assert versions == [1, 2, 3, 4]
