// The npm package graphql-sse, with one connection for each operation: a query, a mutation, and a subscription that is cut off and resumes.

import { strict as assert } from "node:assert";
import { createClient } from "graphql-sse";
import { all, CREATION, reportProgress, reportResult, token, Updates } from "./gateway.js";

let cutOff;
const client = createClient({
  url: `${process.env.GATEWAY_URL}/graphql`,
  headers: () => ({ authorization: `Bearer ${token()}` }),
  retryAttempts: 5,
  retry: async () => {},
  fetchFn: (url, { signal, ...init }) => {
    const connection = new AbortController();
    signal.addEventListener("abort", () => connection.abort());
    cutOff = () => connection.abort(new Error("cut off"));
    return fetch(url, { ...init, signal: connection.signal });
  },
});

assert.deepEqual(await all(client.iterate({ query: "{ me { subject } }" })), [{ data: { me: { subject: "node" } } }]);
const [{ data: { createVerification: { id } } }] = await all(client.iterate(CREATION));

// The client serializes the variables again for each request, so the getter gives the last version of that moment.
const updates = new Updates(client, { id, get after() { return updates?.lastVersion(id) ?? 0; } });
await updates.until(id, 1);
await reportProgress(id, "LINK_OPENED");
await updates.until(id, 2);
cutOff();
await reportProgress(id, "CAPTURE_STARTED", "CAPTURE_COMPLETED");
await updates.until(id, 4);
await reportResult(id, "FAILED", "IDVV_2101");
await updates.completed;
assert.deepEqual(updates.events.map(([, version]) => version), [1, 2, 3, 4, 5]);
