// A life with an outcome of two reasons, one of them internal, and a retry that is verified: the company's client follows both attempts
// to the end, and the individual's own browser learns the same of them but for the internal reason.

import { strict as assert } from "node:assert";
import { all, connect, CREATION, followToken, reportProgress, reportResult, retry, Updates } from "./gateway.js";

// A socket answers queries and mutations too.
const sockets = connect();
const [{ data: { me } }] = await all(sockets.iterate({ query: "{ me { subject } }" }));
assert.deepEqual(me, { subject: "node" });
const [{ data: { createVerification: { id, version, verificationUrl } } }] = await all(sockets.iterate(CREATION));
const link = await followToken(id);
const company = connect();
const browser = connect({ connectionParams: { Authorization: `Bearer ${link}` } });
const both = new Updates(company, { id, after: 0, followRetries: true });
const first = new Updates(company, { id });
const individual = new Updates(browser, { id, after: 0, followRetries: true });
await Promise.all([both, first, individual].map((updates) => updates.until(id, version)));

await reportProgress(id, "LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED");
await reportResult(id, "FAILED", "IDVV_2101", "IDVV_2301");
await first.completed;

const again = await retry(id);
await reportProgress(again.id, "LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED");
await reportResult(again.id, "VERIFIED");
await Promise.all([both.completed, individual.completed]);

const attempt = (id, outcome) =>
  ["CREATED", "LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED", outcome].map((what, index) => [id, index + 1, what]);
const of = (updates, id) => updates.events.filter(([of]) => of === id);
const expected = (outcome) => [...attempt(id, outcome), [id, 6, "RETRY_CREATED"]];
assert.deepEqual(of(both, id), expected("FAILED IDVV_2101 IDVV_2301"));
assert.deepEqual(of(both, again.id), attempt(again.id, "VERIFIED"));
assert.deepEqual(of(individual, id), expected("FAILED IDVV_2101"));
assert.deepEqual(of(individual, again.id), attempt(again.id, "VERIFIED"));
assert.equal(both.events.length, 11);

// Without `after` the first message is the state alone, and the last one the outcome.
assert.deepEqual(first.messages[0].events, []);
assert.deepEqual(first.events, attempt(id, "FAILED IDVV_2101 IDVV_2301").slice(1));

const [begin, end] = [first.messages[0], first.messages.at(-1)].map(({ verification }) => verification);
assert.deepEqual([begin.status, begin.phase, begin.recommendedAction], ["PENDING", "AWAITING_INDIVIDUAL", "SHARE_VERIFICATION_URL"]);
assert.deepEqual([end.status, end.phase, end.recommendedAction], ["FAILED", "DONE", "REJECT_REQUEST"]);
assert.equal(begin.verificationUrl, verificationUrl);
assert.equal(end.verificationUrl, null);
assert.equal(both.messages.at(-1).verification.attempt, 2);
