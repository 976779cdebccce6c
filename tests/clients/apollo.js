// Apollo Client 4: queries and mutations over HTTP, subscriptions over a socket, and a cache that subscriptions keep up to date.

import { strict as assert } from "node:assert";
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { OperationTypeNode } from "graphql";
import { connect, reportProgress, reportResult, token } from "./gateway.js";

let socket;
const sockets = connect({ on: { connected: (opened) => (socket = opened) } });
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(sockets),
    new HttpLink({ uri: `${process.env.GATEWAY_URL}/graphql`, headers: { authorization: `Bearer ${token()}` } }),
  ),
});

const CREATE = gql`
  mutation ($input: CreateVerificationInput!) {
    createVerification(input: $input) { ... on Verification { id version status phase } ... on Refusal { code } }
  }
`;
const READ = gql`query ($id: ID!) { verification(id: $id) { id version status phase } }`;
const FOLLOW = gql`
  subscription ($id: ID!, $after: Int) {
    verificationUpdated(id: $id, after: $after) { verification { id version status phase } events { version } }
  }
`;

const input = { firstName: "Jeanne", lastName: "Moreau", redirectionUrl: "https://shop.example/welcome" };
const { id } = (await client.mutate({ mutation: CREATE, variables: { input } })).data.createVerification;
const read = client.watchQuery({ query: READ, variables: { id } });
const shown = [];
let notify = () => {};
const reading = read.subscribe(({ data }) => data && (shown.push(data.verification.status), notify()));

const received = [];
function follow(after) {
  return new Promise((resolve) => client.subscribe({ query: FOLLOW, variables: { id, after } }).subscribe({
    next: ({ data, error }) => {
      if (error) return resolve("lost");
      received.push(...data.verificationUpdated.events.map(({ version }) => version));
      notify();
    },
    error: () => resolve("lost"),
    complete: () => resolve("completed"),
  }));
}
async function until(condition) {
  while (!condition()) await new Promise((resolve) => (notify = resolve));
}

let following = follow(0);
await until(() => received.at(-1) === 1);
await reportProgress(id, "LINK_OPENED");
await until(() => received.at(-1) === 2);
socket.terminate();
assert.equal(await following, "lost");

await reportProgress(id, "CAPTURE_STARTED", "CAPTURE_COMPLETED");
following = follow(received.at(-1));
await until(() => received.at(-1) === 4);
await reportResult(id, "VERIFIED");
assert.equal(await following, "completed");
// The query shows the subscription's data without another request.
await until(() => shown.at(-1) === "VERIFIED");
assert.deepEqual(received, [1, 2, 3, 4, 5]);

const refused = await client.query({ query: gql`{ verifications(first: 0) { totalCount } }`, errorPolicy: "all" });
assert.equal(refused.error.errors[0].extensions.code, "BAD_USER_INPUT");
reading.unsubscribe();
await sockets.dispose();
