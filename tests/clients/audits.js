// Runs the server audits of the npm package graphql-http against the gateway. Prints each failed audit with its reason.

import { strict as assert } from "node:assert";
import { serverAudits } from "graphql-http";
import { token } from "./gateway.js";

const audits = serverAudits({
  url: `${process.env.GATEWAY_URL}/graphql`,
  fetchFn: (url, init) => fetch(url, { ...init, headers: { ...init?.headers, authorization: `Bearer ${token()}` } }),
});

const results = await Promise.all(audits.map(async (audit) => ({ name: audit.name, ...(await audit.fn()) })));
const failed = results.filter(({ status }) => status !== "ok");
for (const { id, name, status, reason } of failed) console.log(`${id} ${status} ${name}: ${reason}`);
assert.equal(results.length, 61);
assert.equal(failed.length, 0);
