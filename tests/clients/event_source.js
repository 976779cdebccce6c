// An EventSource loses its connection while the verification changes. When it reconnects, it sends the last event's id, and resumes after it.

import { strict as assert } from "node:assert";
import { EventSource } from "eventsource";
import { create, reportProgress, reportResult, token, updatesUrl } from "./gateway.js";

const { id } = await create();
const lastEventIds = [];
const received = [];
let cutOff;
const source = new EventSource(updatesUrl({ id, after: 0 }), {
  fetch: (url, init) => {
    const connection = new AbortController();
    cutOff = () => connection.abort(new Error("cut off"));
    lastEventIds.push(init.headers["Last-Event-ID"]);
    return fetch(url, { ...init, signal: connection.signal, headers: { ...init.headers, authorization: `Bearer ${token()}` } });
  },
});
const completed = new Promise((resolve) => source.addEventListener("complete", resolve));
let notify = () => {};
source.addEventListener("next", ({ data, lastEventId }) => {
  const { errors, data: { verificationUpdated } } = JSON.parse(data);
  assert.equal(errors, undefined);
  assert.equal(lastEventId, `${id}:${verificationUpdated.verification.version}`);
  received.push(...verificationUpdated.events.map(({ version }) => version));
  notify();
});

async function until(version) {
  while (received.at(-1) !== version) await new Promise((resolve) => (notify = resolve));
}

await until(1);
await reportProgress(id, "LINK_OPENED");
await until(2);
cutOff();
await reportProgress(id, "CAPTURE_STARTED", "CAPTURE_COMPLETED");
await until(4);
cutOff();
await reportResult(id, "VERIFIED");
await completed;
source.close();

assert.deepEqual(received, [1, 2, 3, 4, 5]);
assert.deepEqual(lastEventIds, [undefined, `${id}:2`, `${id}:4`]);
