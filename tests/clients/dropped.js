// The connection is lost, without a word and more than once, while things happen: the client goes on after the last version that it saw.

import { strict as assert } from "node:assert";
import { connect, create, reportProgress, reportResult, retry, Updates } from "./gateway.js";

let socket, mended;
const { id, version } = await create();
const client = connect({
  retryAttempts: Infinity,
  // No second connection before the test says so: what happens until then happens unseen.
  retryWait: () => mended,
  on: { connected: (opened) => (socket = opened) },
});

async function cutOff(meanwhile) {
  let mend;
  mended = new Promise((resolve) => (mend = resolve));
  const closed = new Promise((resolve) => client.on("closed", resolve));
  socket.terminate();
  const { code } = await closed;
  assert.equal(code, 1006);
  await meanwhile();
  mend();
}

// The client writes the variables out anew whenever it subscribes again.
const updates = new Updates(client, { id, followRetries: true, get after() { return updates.seen(id) ?? 0; } });
await updates.until(id, version);

await reportProgress(id, "LINK_OPENED");
await updates.until(id, 2);
await cutOff(() => reportProgress(id, "CAPTURE_STARTED", "CAPTURE_COMPLETED"));
await updates.until(id, 4);
await cutOff(async () => {});
await reportResult(id, "INCONCLUSIVE", "IDVV_1314");
await updates.until(id, 5);

let again;
await cutOff(async () => {
  again = await retry(id);
  await reportProgress(again.id, "LINK_OPENED");
});
await updates.until(again.id, 2);
await cutOff(() => reportResult(again.id, "VERIFIED"));
await updates.completed;

// `after` speaks of `id` alone: of later attempts everything comes again, to be dropped by id and version.
const firsts = updates.events.filter(([of]) => of === id);
const seconds = updates.events.filter(([of]) => of === again.id);
const told = ["CREATED", "LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED", "INCONCLUSIVE IDVV_1314", "RETRY_CREATED"];
assert.deepEqual(firsts, told.map((what, index) => [id, index + 1, what]));
assert.deepEqual(seconds, [
  [again.id, 1, "CREATED"],
  [again.id, 2, "LINK_OPENED"],
  [again.id, 1, "CREATED"],
  [again.id, 2, "LINK_OPENED"],
  [again.id, 3, "VERIFIED"],
]);
