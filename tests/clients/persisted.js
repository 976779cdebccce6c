// Automatic persisted queries as Apollo Client and urql make them: the hash alone, the document where that is unknown, and the hash from then on.

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { Client, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { token } from "./gateway.js";

const REMEMBERS = process.env.REMEMBERS === "yes";
const uri = `${process.env.GATEWAY_URL}/graphql`;
const headers = { authorization: `Bearer ${token()}` };
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

// What went over the wire, as [method, whether the document was sent, whether its hash was].
let sent = [];
async function watched(address, options) {
  const response = await fetch(address, options);
  const asked = options.body ? JSON.parse(options.body) : Object.fromEntries(new URL(address).searchParams);
  const hashed = JSON.stringify(asked.extensions ?? "").includes("sha256Hash");
  sent.push([options.method, Boolean(asked.query), hashed]);
  assert.equal(response.status, 200);
  return response;
}

async function told(ask) {
  sent = [];
  const { data, error } = await ask();
  assert.equal(error, undefined, String(error));
  assert.ok(data);
  return sent;
}

const HASH = (method) => [method, false, true];
const BOTH = (method) => [method, true, true];
const DOCUMENT = (method) => [method, true, false];

function apollo(useGETForHashedQueries) {
  const link = new PersistedQueryLink({ sha256, useGETForHashedQueries }).concat(new HttpLink({ uri, headers, fetch: watched }));
  return new ApolloClient({ cache: new InMemoryCache(), link });
}

// Each client has a document of its own, which nobody has sent before.
for (const [method, query] of [["POST", gql`query ApolloPost { me { subject } }`], ["GET", gql`query ApolloGet { statuses { status } }`]]) {
  const client = apollo(method === "GET");
  const ask = () => client.query({ query, fetchPolicy: "network-only" });
  if (REMEMBERS) {
    // The document itself goes by POST.
    assert.deepEqual(await told(ask), [HASH(method), BOTH("POST")]);
    assert.deepEqual(await told(ask), [HASH(method)]);
  } else {
    assert.deepEqual(await told(ask), [HASH(method), DOCUMENT("POST")]);
    assert.deepEqual(await told(ask), [DOCUMENT("POST")]);
  }
  client.stop();
}

// A mutation never goes by GET.
const MUTATION = gql`mutation ApolloMutation { anonymizeVerification(id: "none") { ... on Refusal { code } } }`;
const mutating = apollo(true);
assert.ok((await told(() => mutating.mutate({ mutation: MUTATION }))).every(([method]) => method === "POST"));
mutating.stop();

for (const [method, query] of [["POST", "query UrqlPost { me { subject } }"], ["GET", "query UrqlGet { statuses { status } }"]]) {
  const exchanges = [persistedExchange({ preferGetForPersistedQueries: method === "GET" ? "force" : false, generateHash: async (text) => sha256(text) }), fetchExchange];
  const client = new Client({ url: uri, fetchOptions: { headers }, fetch: watched, preferGetMethod: false, exchanges });
  const ask = () => client.query(query, {}, { requestPolicy: "network-only" }).toPromise();
  const [first, second, ...rest] = await told(ask);
  assert.deepEqual([first, rest], [HASH(method), []]);
  assert.deepEqual(second.slice(1), REMEMBERS ? [true, true] : [true, false]);
  assert.deepEqual((await told(ask)).map((each) => each.slice(1)), REMEMBERS ? [[false, true]] : [[true, false]]);
}
