// POST requests of `fetch` (undici), and of clients that offer an upgrade. The gateway answers all, and those with an offer on one connection.

import { strict as assert } from "node:assert";
import { Agent, request } from "node:http";
import { token } from "./gateway.js";

const url = `${process.env.GATEWAY_URL}/graphql`;
const body = JSON.stringify({ query: "{ me { subject workspaceId } }" });
const expected = { data: { me: { subject: "node", workspaceId: "acme" } } };
const headers = { "content-type": "application/json", authorization: `Bearer ${token()}` };

for (const content of [body, new Blob([body]).stream()]) {
  const response = await fetch(url, { method: "POST", headers, body: content, duplex: "half" });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), expected);
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

// Sends a body of these parts. Returns the parsed response. A body of one part is sent with its length, a body of several parts is sent in chunks.
function post(offer, parts) {
  return new Promise((resolve, reject) => {
    const sending = request(url, { method: "POST", agent, headers: { ...headers, ...offer } });
    sending.on("error", reject).on("upgrade", () => reject(new Error("the offer was accepted")));
    sending.on("response", async (response) => {
      const text = (await response.setEncoding("utf8").toArray()).join("");
      resolve({ status: response.statusCode, reused: sending.reusedSocket, data: JSON.parse(text) });
    });
    parts.slice(0, -1).forEach((part) => sending.write(part));
    sending.end(parts.at(-1));
  });
}

let first = true;
for (const upgrade of ["h2c", "foo", "TLS/1.0", "websocket", "h2c, websocket"])
  for (const parts of [[body], [body.slice(0, 9), body.slice(9)]]) {
    const { status, reused, data } = await post({ connection: "Upgrade", upgrade }, parts);
    assert.equal(status, 200, upgrade);
    assert.deepEqual(data, expected);
    assert.equal(reused, !first, upgrade);
    first = false;
  }
agent.destroy();
