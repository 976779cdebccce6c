// urql with what it brings: its default fetch exchange, subscriptions over a socket and over event streams, and Graphcache.

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

// With the schema, the cache knows which types a fragment is for.
const { data: schema } = await new Client({ url, fetchOptions, preferGetMethod: false, exchanges: [fetchExchange] }).query(getIntrospectionQuery(), {});

async function lived(client, id, cutOff) {
  const seen = [], shown = [];
  let told = () => {};
  const until = async (holds) => {
    while (!holds()) await new Promise((resolve) => (told = resolve));
  };
  const watching = client.query(READ, { id }).subscribe(({ data, error }) => {
    assert.equal(error, undefined);
    shown.push(data.verification.status);
    told();
  });
  const follow = (after) => client.subscription(FOLLOW, { id, after }).subscribe(({ data }) => {
    // When a stream ends, urql tells its last message once more.
    const versions = data?.verificationUpdated.events.map(({ version }) => version) ?? [];
    if (versions.at(-1) !== seen.at(-1)) seen.push(...versions);
    told();
  });
  let following = follow(0);
  await until(() => seen.at(-1) === 1);
  await reportProgress(id, "LINK_OPENED");
  await until(() => seen.at(-1) === 2);
  await cutOff();
  following.unsubscribe();

  await reportProgress(id, "CAPTURE_STARTED", "CAPTURE_COMPLETED");
  following = follow(seen.at(-1));
  await until(() => seen.at(-1) === 4);
  await reportResult(id, "VERIFIED");
  await until(() => seen.at(-1) === 5 && shown.at(-1) === "VERIFIED");
  following.unsubscribe();
  watching.unsubscribe();
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
}

// Over a socket.
let socket;
const sockets = connect({ retryAttempts: 5, on: { connected: (opened) => (socket = opened) } });
const forwardSubscription = ({ query, variables }) => ({
  subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables }, sink) }),
});
const overSocket = new Client({
  url, fetchOptions, preferGetMethod: false, exchanges: [cacheExchange({ schema }), fetchExchange, subscriptionExchange({ forwardSubscription })],
});
const made = (await overSocket.mutation(CREATE, { input })).data.createVerification;
assert.equal(made.__typename, "Verification");
await lived(overSocket, made.id, async () => socket.terminate());

// Over event streams, by the fetch exchange alone. Its Accept names them for queries too, which must not become streams.
const answered = [];
const overFetch = new Client({
  url, fetchOptions, fetchSubscriptions: true, preferGetMethod: false, exchanges: [cacheExchange({ schema }), fetchExchange],
  fetch: async (...asked) => {
    const response = await fetch(...asked);
    answered.push(response.headers.get("content-type"));
    return response;
  },
});
await lived(overFetch, (await create()).id, async () => {});
const streams = answered.filter((type) => type.startsWith("text/event-stream"));
assert.equal(streams.length, 2);
assert.ok(answered.length > streams.length);

// With GET, as urql does where a query is short.
const overGet = new Client({ url, fetchOptions, preferGetMethod: "force", exchanges: [fetchExchange] });
assert.equal((await overGet.query(gql`{ statuses { status final } }`, {})).data.statuses.length, 4);
