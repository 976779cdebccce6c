// A token ends while its socket is open: the gateway closes it with 4403, and the client goes on with a new token where it was.

import { strict as assert } from "node:assert";
import { connect, create, reportProgress, reportResult, token, Updates } from "./gateway.js";

const { id, version } = await create();
const closed = [];
let acknowledged = 0;
const client = connect({
  retryAttempts: 10,
  retryWait: async () => {},
  // The first that the gateway accepts is one of few seconds.
  connectionParams: () => ({ authorization: `Bearer ${token("verification:read", acknowledged ? 3600 : 3)}` }),
  on: { connected: () => (acknowledged += 1), closed: ({ code, reason }) => closed.push(`${code} ${reason}`) },
});

// The client writes the variables out anew whenever it subscribes again.
const updates = new Updates(client, { id, get after() { return updates.seen(id) ?? 0; } });
await updates.until(id, version);
await reportProgress(id, "LINK_OPENED");
await updates.until(id, 2);

while (!closed.includes("4403 the token has expired")) await new Promise((resolve) => client.on("closed", resolve));
await reportProgress(id, "CAPTURE_COMPLETED");
await reportResult(id, "VERIFIED");
await updates.completed;

assert.equal(acknowledged, 2);
assert.deepEqual(updates.events.map(([, version]) => version), [1, 2, 3, 4]);
