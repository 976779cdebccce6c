// Automatic persisted queries of Apollo Client and urql: first only the hash, then the document if the gateway has not stored it, later only the hash.

import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { Client, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { token } from "./gateway.js";

const STORES_DOCUMENTS = process.env.STORES_DOCUMENTS === "yes";
const uri = `${process.env.GATEWAY_URL}/graphql`;
const headers = { authorization: `Bearer ${token()}` };
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

// The requests that were sent, as [method, whether it had the document, whether it had the hash].
let sent = [];
async function recordingFetch(address, options) {
  const response = await fetch(address, options);
  const body = options.body ? JSON.parse(options.body) : Object.fromEntries(new URL(address).searchParams);
  const hashed = JSON.stringify(body.extensions ?? "").includes("sha256Hash");
  sent.push([options.method, Boolean(body.query), hashed]);
  assert.equal(response.status, 200);
  return response;
}

async function requestsOf(execute) {
  sent = [];
  const { data, error } = await execute();
  assert.equal(error, undefined, String(error));
  assert.ok(data);
  return sent;
}

const HASH = (method) => [method, false, true];
const BOTH = (method) => [method, true, true];
const DOCUMENT = (method) => [method, true, false];

function apollo(useGETForHashedQueries) {
  const link = new PersistedQueryLink({ sha256, useGETForHashedQueries }).concat(new HttpLink({ uri, headers, fetch: recordingFetch }));
  return new ApolloClient({ cache: new InMemoryCache(), link });
}

// Each client has its own document, which no client has sent before.
for (const [method, query] of [["POST", gql`query ApolloPost { me { subject } }`], ["GET", gql`query ApolloGet { statuses { status } }`]]) {
  const client = apollo(method === "GET");
  const execute = () => client.query({ query, fetchPolicy: "network-only" });
  if (STORES_DOCUMENTS) {
    // The document itself is sent by POST.
    assert.deepEqual(await requestsOf(execute), [HASH(method), BOTH("POST")]);
    assert.deepEqual(await requestsOf(execute), [HASH(method)]);
  } else {
    assert.deepEqual(await requestsOf(execute), [HASH(method), DOCUMENT("POST")]);
    assert.deepEqual(await requestsOf(execute), [DOCUMENT("POST")]);
  }
  client.stop();
}

// A mutation is never sent by GET.
const MUTATION = gql`mutation ApolloMutation { anonymizeVerification(id: "none") { ... on Refusal { code } } }`;
const mutating = apollo(true);
assert.ok((await requestsOf(() => mutating.mutate({ mutation: MUTATION }))).every(([method]) => method === "POST"));
mutating.stop();

for (const [method, query] of [["POST", "query UrqlPost { me { subject } }"], ["GET", "query UrqlGet { statuses { status } }"]]) {
  const exchanges = [persistedExchange({ preferGetForPersistedQueries: method === "GET" ? "force" : false, generateHash: async (text) => sha256(text) }), fetchExchange];
  const client = new Client({ url: uri, fetchOptions: { headers }, fetch: recordingFetch, preferGetMethod: false, exchanges });
  const execute = () => client.query(query, {}, { requestPolicy: "network-only" }).toPromise();
  const [first, second, ...rest] = await requestsOf(execute);
  assert.deepEqual([first, rest], [HASH(method), []]);
  assert.deepEqual(second.slice(1), STORES_DOCUMENTS ? [true, true] : [true, false]);
  assert.deepEqual((await requestsOf(execute)).map((each) => each.slice(1)), STORES_DOCUMENTS ? [[false, true]] : [[true, false]]);
}
