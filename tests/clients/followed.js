// A verification that fails for two reasons, one of them internal, and a retry that is verified: the company's client follows both attempts
// to the end. The individual's browser receives the same events, except for the internal reason.

import { strict as assert } from "node:assert";
import { all, connect, CREATION, followToken, reportProgress, reportResult, retry, Updates } from "./gateway.js";

// A socket also executes queries and mutations.
const sockets = connect();
const [{ data: { me } }] = await all(sockets.iterate({ query: "{ me { subject } }" }));
assert.deepEqual(me, { subject: "node" });
const [{ data: { createVerification: { id, version, verificationUrl } } }] = await all(sockets.iterate(CREATION));
const individualToken = await followToken(id);
const company = connect();
const browser = connect({ connectionParams: { Authorization: `Bearer ${individualToken}` } });
const both = new Updates(company, { id, after: 0, followRetries: true });
const first = new Updates(company, { id });
const individual = new Updates(browser, { id, after: 0, followRetries: true });
await Promise.all([both, first, individual].map((updates) => updates.until(id, version)));

await reportProgress(id, "LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED");
await reportResult(id, "FAILED", "IDVV_2101", "IDVV_2301");
await first.completed;

const second = await retry(id);
await reportProgress(second.id, "LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED");
await reportResult(second.id, "VERIFIED");
await Promise.all([both.completed, individual.completed]);

const attempt = (id, outcome) =>
  ["CREATED", "LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED", outcome].map((text, index) => [id, index + 1, text]);
const of = (updates, id) => updates.events.filter(([of]) => of === id);
const expected = (outcome) => [...attempt(id, outcome), [id, 6, "RETRY_CREATED"]];
assert.deepEqual(of(both, id), expected("FAILED IDVV_2101 IDVV_2301"));
assert.deepEqual(of(both, second.id), attempt(second.id, "VERIFIED"));
assert.deepEqual(of(individual, id), expected("FAILED IDVV_2101"));
assert.deepEqual(of(individual, second.id), attempt(second.id, "VERIFIED"));
assert.equal(both.events.length, 11);

// Without `after`, the first message has the state without events, and the last message has the outcome.
assert.deepEqual(first.messages[0].events, []);
assert.deepEqual(first.events, attempt(id, "FAILED IDVV_2101 IDVV_2301").slice(1));

const [begin, end] = [first.messages[0], first.messages.at(-1)].map(({ verification }) => verification);
assert.deepEqual([begin.status, begin.phase, begin.recommendedAction], ["PENDING", "AWAITING_INDIVIDUAL", "SHARE_VERIFICATION_URL"]);
assert.deepEqual([end.status, end.phase, end.recommendedAction], ["FAILED", "DONE", "REJECT_REQUEST"]);
assert.equal(begin.verificationUrl, verificationUrl);
assert.equal(end.verificationUrl, null);
assert.equal(both.messages.at(-1).verification.attempt, 2);
