// urql: its default fetch exchange, subscriptions over a socket and over event streams, and Graphcache.

import { strict as assert } from "node:assert";
import { Client, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { getIntrospectionQuery } from "graphql";
import { connect, create, reportProgress, reportResult, token } from "./gateway.js";

const url = `${process.env.GATEWAY_URL}/graphql`;
const fetchOptions = { headers: { authorization: `Bearer ${token()}` } };
const FOLLOW = gql`
  subscription ($id: ID!, $after: Int) {
    verificationUpdated(id: $id, after: $after) { verification { id version status } events { version } }
  }
`;
const READ = gql`query ($id: ID!) { verification(id: $id) { id version status } }`;
const CREATE = gql`
  mutation ($input: CreateVerificationInput!) {
    createVerification(input: $input) { __typename ... on Verification { id version status } ... on Refusal { code } }
  }
`;
const input = { firstName: "Jeanne", lastName: "Moreau", redirectionUrl: "https://shop.example/welcome" };

// With the schema, the cache can match fragments on abstract types.
const { data: schema } = await new Client({ url, fetchOptions, preferGetMethod: false, exchanges: [fetchExchange] }).query(getIntrospectionQuery(), {});

async function followToTheEnd(client, id, cutOff) {
  const received = [], shown = [];
  let notify = () => {};
  const until = async (condition) => {
    while (!condition()) await new Promise((resolve) => (notify = resolve));
  };
  const watching = client.query(READ, { id }).subscribe(({ data, error }) => {
    assert.equal(error, undefined);
    shown.push(data.verification.status);
    notify();
  });
  const follow = (after) => client.subscription(FOLLOW, { id, after }).subscribe(({ data }) => {
    // When a stream ends, urql delivers its last message again.
    const versions = data?.verificationUpdated.events.map(({ version }) => version) ?? [];
    if (versions.at(-1) !== received.at(-1)) received.push(...versions);
    notify();
  });
  let following = follow(0);
  await until(() => received.at(-1) === 1);
  await reportProgress(id, "LINK_OPENED");
  await until(() => received.at(-1) === 2);
  await cutOff();
  following.unsubscribe();

  await reportProgress(id, "CAPTURE_STARTED", "CAPTURE_COMPLETED");
  following = follow(received.at(-1));
  await until(() => received.at(-1) === 4);
  await reportResult(id, "VERIFIED");
  await until(() => received.at(-1) === 5 && shown.at(-1) === "VERIFIED");
  following.unsubscribe();
  watching.unsubscribe();
  assert.deepEqual(received, [1, 2, 3, 4, 5]);
}

// Follow a verification over a socket.
let socket;
const sockets = connect({ retryAttempts: 5, on: { connected: (opened) => (socket = opened) } });
const forwardSubscription = ({ query, variables }) => ({
  subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables }, sink) }),
});
const overSocket = new Client({
  url, fetchOptions, preferGetMethod: false, exchanges: [cacheExchange({ schema }), fetchExchange, subscriptionExchange({ forwardSubscription })],
});
const created = (await overSocket.mutation(CREATE, { input })).data.createVerification;
assert.equal(created.__typename, "Verification");
await followToTheEnd(overSocket, created.id, async () => socket.terminate());

// Follow a verification over event streams, with only the fetch exchange. Its Accept header lists event streams for queries too, but queries must
// not become streams.
const contentTypes = [];
const overFetch = new Client({
  url, fetchOptions, fetchSubscriptions: true, preferGetMethod: false, exchanges: [cacheExchange({ schema }), fetchExchange],
  fetch: async (...request) => {
    const response = await fetch(...request);
    contentTypes.push(response.headers.get("content-type"));
    return response;
  },
});
await followToTheEnd(overFetch, (await create()).id, async () => {});
const streams = contentTypes.filter((type) => type.startsWith("text/event-stream"));
assert.equal(streams.length, 2);
assert.ok(contentTypes.length > streams.length);

// Send a query by GET, as urql does with short queries.
const overGet = new Client({ url, fetchOptions, preferGetMethod: "force", exchanges: [fetchExchange] });
assert.equal((await overGet.query(gql`{ statuses { status final } }`, {})).data.statuses.length, 4);
