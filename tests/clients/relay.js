// relay-runtime with the artifacts of relay-compiler: pages by cursor, a mutation, and a store that a subscription keeps up to date.

import { strict as assert } from "node:assert";
import { join } from "node:path";
import relay from "relay-runtime";
import { connect, create, reportProgress, reportResult, token } from "./gateway.js";

const { commitMutation, createOperationDescriptor, Environment, fetchQuery, Network, Observable, RecordSource, requestSubscription, Store } = relay;

async function compiled(name) {
  return (await import(join(process.env.ARTIFACTS, `${name}.graphql.js`))).default;
}

let socket;
const sockets = connect({ on: { connected: (opened) => (socket = opened) } });
const environment = new Environment({
  store: new Store(new RecordSource()),
  network: Network.create(
    // For a document in a manifest, Relay has only the id, without the text.
    async ({ id, text }, variables) => {
      const headers = { "content-type": "application/json", authorization: `Bearer ${token()}` };
      return (await fetch(`${process.env.GATEWAY_URL}/graphql`, { method: "POST", headers, body: JSON.stringify({ doc_id: id, query: text, variables }) })).json();
    },
    // graphql-ws sends no operation without a text, so an empty text stands for the missing one.
    ({ id, text }, variables) => Observable.create((sink) => sockets.subscribe({ doc_id: id, query: text ?? "", variables }, {
      next: (value) => sink.next(value), complete: () => sink.complete(), error: (error) => sink.error(error),
    })),
  ),
});

const input = { firstName: "Jeanne", lastName: "Moreau", redirectionUrl: "https://shop.example/welcome" };
const created = await new Promise(async (onCompleted, onError) => {
  commitMutation(environment, { mutation: await compiled("operationsCreateMutation"), variables: { input }, onCompleted, onError });
});
const { id } = created.createVerification;
const node = await compiled("operationsNodeQuery");
assert.equal((await fetchQuery(environment, node, { id }).toPromise()).node.status, "PENDING");
const stored = createOperationDescriptor(node, { id });
environment.retain(stored);

const received = [];
let notify = () => {};
async function until(version) {
  while (received.at(-1) !== version) await new Promise((resolve) => (notify = resolve));
}
async function follow(after) {
  const subscription = await compiled("operationsFollowSubscription");
  return { ended: new Promise((resolve) => requestSubscription(environment, {
    subscription, variables: { id, after }, onCompleted: () => resolve("completed"), onError: () => resolve("lost"),
    onNext: ({ verificationUpdated }) => (received.push(...verificationUpdated.events.map(({ version }) => version)), notify()),
  })) };
}

let following = await follow(0);
await until(1);
await reportProgress(id, "LINK_OPENED");
await until(2);
socket.terminate();
assert.equal(await following.ended, "lost");
await reportProgress(id, "CAPTURE_STARTED", "CAPTURE_COMPLETED");
following = await follow(received.at(-1));
await until(4);
await reportResult(id, "FAILED", "IDVV_2101");
assert.equal(await following.ended, "completed");
assert.deepEqual(received, [1, 2, 3, 4, 5]);
assert.equal(environment.lookup(stored.fragment).data.node.status, "FAILED");

// Pages: each cursor leads to the next rows, and Relay joins them by the connection's key.
for (let more = 0; more < 4; more += 1) await create();
const list = await compiled("operationsListQuery");
const page = await compiled("operationsListPaginationQuery");
const ids = new Set();
let after = null;
for (let number = 0; number < 5; number += 1) {
  const variables = { first: 1, after };
  await fetchQuery(environment, number ? page : list, variables).toPromise();
  const rows = await fetch(`${process.env.GATEWAY_URL}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token()}` },
    body: JSON.stringify({ doc_id: page.params.id, query: page.params.text, variables }),
  }).then((response) => response.json());
  const { edges, pageInfo } = rows.data.verifications;
  edges.forEach((edge) => ids.add(edge.node.id));
  after = pageInfo.endCursor;
  assert.equal(pageInfo.hasNextPage, number < 4);
}
assert.equal(ids.size, 5);
await sockets.dispose();
