// The connection is lost several times, without a close frame, while a verification and its retry change: the client resumes after the last message.

import { strict as assert } from "node:assert";
import { connect, create, reportProgress, reportResult, retry, Updates } from "./gateway.js";

let socket, allowReconnect;
const { id, version } = await create();
const client = connect({
  retryAttempts: Infinity,
  // The client reconnects only when the test allows it, so that it misses the changes until then.
  retryWait: () => allowReconnect,
  on: { connected: (opened) => (socket = opened) },
});

async function cutOff(meanwhile) {
  let reconnect;
  allowReconnect = new Promise((resolve) => (reconnect = resolve));
  const closed = new Promise((resolve) => client.on("closed", resolve));
  socket.terminate();
  const { code } = await closed;
  assert.equal(code, 1006);
  await meanwhile();
  reconnect();
}

// The client serializes the variables again for each subscribe message, so the getters give the cursor of that moment.
const variables = { id, followRetries: true, get cursor() { return updates.cursor; }, get after() { return updates.cursor ? undefined : 0; } };
const updates = new Updates(client, variables);
await updates.until(id, version);

await reportProgress(id, "LINK_OPENED");
await updates.until(id, 2);
await cutOff(() => reportProgress(id, "CAPTURE_STARTED", "CAPTURE_COMPLETED"));
await updates.until(id, 4);
await cutOff(async () => {});
await reportResult(id, "INCONCLUSIVE", "IDVV_1314");
await updates.until(id, 5);

let second;
await cutOff(async () => {
  second = await retry(id);
  await reportProgress(second.id, "LINK_OPENED");
});
await updates.until(second.id, 2);
await cutOff(() => reportResult(second.id, "VERIFIED"));
await updates.completed;

// No event of an attempt is missing, and none comes twice.
const firstAttempt = updates.events.filter(([of]) => of === id);
const secondAttempt = updates.events.filter(([of]) => of === second.id);
const expected = ["CREATED", "LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED", "INCONCLUSIVE IDVV_1314", "RETRY_CREATED"];
assert.deepEqual(firstAttempt, expected.map((text, index) => [id, index + 1, text]));
assert.deepEqual(secondAttempt, [
  [second.id, 1, "CREATED"],
  [second.id, 2, "LINK_OPENED"],
  [second.id, 3, "VERIFIED"],
]);
