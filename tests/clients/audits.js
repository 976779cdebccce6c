// The audits of npm graphql-http for servers, against the gateway. Prints those that aren't ok, and why.

import { strict as assert } from "node:assert";
import { serverAudits } from "graphql-http";
import { token } from "./gateway.js";

const audits = serverAudits({
  url: `${process.env.GATEWAY_URL}/graphql`,
  fetchFn: (url, init) => fetch(url, { ...init, headers: { ...init?.headers, authorization: `Bearer ${token()}` } }),
});

const results = await Promise.all(audits.map(async (audit) => ({ name: audit.name, ...(await audit.fn()) })));
const worse = results.filter(({ status }) => status !== "ok");
for (const { id, name, status, reason } of worse) console.log(`${id} ${status} ${name}: ${reason}`);
assert.equal(results.length, 61);
assert.equal(worse.length, 0);
