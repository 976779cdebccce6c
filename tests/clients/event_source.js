// An EventSource follows a verification and its retry, and loses its connection while they change. When it reconnects, it sends the last event's id,
// and resumes after it: with the newest attempt first, and without an event that it already has.

import { strict as assert } from "node:assert";
import { EventSource } from "eventsource";
import { create, reportProgress, reportResult, retry, token, updatesUrl } from "./gateway.js";

const { id } = await create();
const lastEventIds = [];
const received = [];
const attempts = [];
let cutOff, lastCursor;
const source = new EventSource(updatesUrl({ id, after: 0, followRetries: true }), {
  fetch: (url, init) => {
    const connection = new AbortController();
    cutOff = () => connection.abort(new Error("cut off"));
    lastEventIds.push(init.headers["Last-Event-ID"]);
    attempts.push([]);
    return fetch(url, { ...init, signal: connection.signal, headers: { ...init.headers, authorization: `Bearer ${token()}` } });
  },
});
const completed = new Promise((resolve) => source.addEventListener("complete", resolve));
let notify = () => {};
source.addEventListener("next", ({ data, lastEventId }) => {
  const { errors, data: { verificationUpdated: { cursor, verification, events } } } = JSON.parse(data);
  assert.equal(errors, undefined);
  assert.equal(lastEventId, cursor);
  lastCursor = cursor;
  attempts.at(-1).push(verification.attempt);
  received.push(...events.map(({ version }) => `${verification.attempt}.${version}`));
  notify();
});

async function until(event) {
  while (!received.includes(event)) await new Promise((resolve) => (notify = resolve));
}

await until("1.1");
await reportProgress(id, "LINK_OPENED");
await until("1.2");
const first = lastCursor;
cutOff();
await reportProgress(id, "CAPTURE_STARTED", "CAPTURE_COMPLETED");
await until("1.4");
await reportResult(id, "FAILED", "IDVV_2101");
await until("1.5");
const second = lastCursor;
cutOff();
const newest = await retry(id);
await reportProgress(newest.id, "LINK_OPENED");
await until("1.6");
await until("2.2");
const third = lastCursor;
cutOff();
await reportResult(id, "INCONCLUSIVE", "IDVV_1314");
await until("1.7");
const fourth = lastCursor;
cutOff();
await reportResult(newest.id, "VERIFIED");
await completed;
source.close();

const ofAttempt = (number) => received.filter((event) => event.startsWith(`${number}.`));
assert.deepEqual(ofAttempt(1), ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"]);
assert.deepEqual(ofAttempt(2), ["2.1", "2.2", "2.3"]);
assert.deepEqual(lastEventIds, [undefined, first, second, third, fourth]);
// If nothing changes during an interruption, the first message after it has the newest state and no events.
assert.deepEqual(attempts.slice(3).map(([attempt]) => attempt), [2, 2]);
assert.equal(attempts.at(-1).at(-1), 2);
