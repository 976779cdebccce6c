// A token expires while its socket is open: the gateway closes the socket with 4403, and the client resumes with a new token.

import { strict as assert } from "node:assert";
import { connect, create, reportProgress, reportResult, token, Updates } from "./gateway.js";

const { id, version } = await create();
const closed = [];
let acknowledged = 0;
const client = connect({
  retryAttempts: 10,
  retryWait: async () => {},
  // Until the gateway has accepted a token, tokens expire after 3 s.
  connectionParams: () => ({ authorization: `Bearer ${token("verification:read", acknowledged ? 3600 : 3)}` }),
  on: { connected: () => (acknowledged += 1), closed: ({ code, reason }) => closed.push(`${code} ${reason}`) },
});

// The client serializes the variables again for each subscribe message, so the getter gives the last version of that moment.
const updates = new Updates(client, { id, get after() { return updates.lastVersion(id) ?? 0; } });
await updates.until(id, version);
await reportProgress(id, "LINK_OPENED");
await updates.until(id, 2);

while (!closed.includes("4403 the token has expired")) await new Promise((resolve) => client.on("closed", resolve));
await reportProgress(id, "CAPTURE_COMPLETED");
await reportResult(id, "VERIFIED");
await updates.completed;

assert.equal(acknowledged, 2);
assert.deepEqual(updates.events.map(([, version]) => version), [1, 2, 3, 4]);
