// Shared by the client tests: the gateway's address, tokens as a company's backend signs them, operations, and a subscription that stores its messages.

import { strict as assert } from "node:assert";
import { createHmac } from "node:crypto";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const { GATEWAY_URL, TOKEN_KEY } = process.env;
const INTEGRATOR = "verification:read verification:write verification:sensitive";
const PROVIDER = "verification:report";

const ROW = "id version status phase recommendedAction verificationUrl reasons { code }";
const PAYLOAD = `__typename ... on Verification { ${ROW} } ... on Refusal { code message field }`;
export const UPDATES = `subscription ($id: ID!, $after: Int, $cursor: String, $followRetries: Boolean! = false) {
  verificationUpdated(id: $id, after: $after, cursor: $cursor, followRetries: $followRetries) {
    cursor
    verification { ${ROW} attempt }
    events { version type fromStatus toStatus reasons { code } }
  }
}`;

export function token(scope = INTEGRATOR, seconds = 3600) {
  const part = (content) => Buffer.from(JSON.stringify(content)).toString("base64url");
  const claims = { sub: "node", workspace: "acme", scope, exp: Math.floor(Date.now() / 1000) + seconds };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", TOKEN_KEY).update(signed).digest("base64url")}`;
}

// Executes an operation. Returns the value of its only field. Fails if this value is a refusal.
async function execute(scope, query, variables) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token(scope)}` };
  const response = await fetch(`${GATEWAY_URL}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  const [value] = Object.values(data);
  assert.notEqual(value.__typename, "Refusal", JSON.stringify(value));
  return value;
}

export const CREATION = {
  query: `mutation ($input: CreateVerificationInput!) { createVerification(input: $input) { ${PAYLOAD} } }`,
  variables: { input: { firstName: "Jeanne", lastName: "Moreau", redirectionUrl: "https://shop.example/welcome" } },
};

export function create() {
  return execute(INTEGRATOR, CREATION.query, CREATION.variables);
}

// Collects all responses to an operation.
export async function all(iterator) {
  const responses = [];
  for await (const response of iterator) responses.push(response);
  return responses;
}

export function retry(verificationId) {
  const query = `mutation ($input: RetryVerificationInput!) { retryVerification(input: $input) { ${PAYLOAD} } }`;
  return execute(INTEGRATOR, query, { input: { verificationId } });
}

export async function followToken(verificationId) {
  const query = "mutation ($id: ID!) { issueFollowToken(verificationId: $id) { __typename ... on FollowToken { token } } }";
  return (await execute(INTEGRATOR, query, { id: verificationId })).token;
}

export async function reportProgress(verificationId, ...steps) {
  const query = `mutation ($input: ReportProgressInput!) { reportProgress(input: $input) { ${PAYLOAD} } }`;
  for (const progress of steps) await execute(PROVIDER, query, { input: { verificationId, progress } });
}

export function reportResult(verificationId, status, ...reasonCodes) {
  const query = `mutation ($input: ReportResultInput!) { reportResult(input: $input) { ${PAYLOAD} } }`;
  return execute(PROVIDER, query, { input: { verificationId, status, reasonCodes } });
}

// The URL of a subscription, for an EventSource, which can send neither a body nor another method.
export function updatesUrl(variables) {
  return `${GATEWAY_URL}/graphql?${new URLSearchParams({ query: UPDATES, variables: JSON.stringify(variables) })}`;
}

export function connect(options) {
  return createClient({
    url: `${GATEWAY_URL.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: () => ({ authorization: `Bearer ${token()}` }),
    retryAttempts: 0,
    ...options,
  });
}

// All messages of one subscription, oldest first.
export class Updates {
  messages = [];
  #ended = false;
  #waiting = [];

  constructor(client, variables) {
    const next = (message) => this.#store(message);
    this.completed = new Promise((complete, error) => client.subscribe({ query: UPDATES, variables }, { next, complete, error }));
    this.completed.catch(() => {}).finally(() => this.#end());
  }

  // The last received version of an attempt.
  lastVersion(id) {
    return this.messages.findLast(({ verification }) => verification.id === id)?.verification.version;
  }

  // The cursor of the last message.
  get cursor() {
    return this.messages.at(-1)?.cursor;
  }

  // Wait until a version of an attempt was received. Fails if the subscription ends before.
  async until(id, version) {
    while (!(this.lastVersion(id) >= version)) {
      if (this.#ended) assert.fail((await this.completed) ?? `completed before version ${version}`);
      await new Promise((resolve) => this.#waiting.push(resolve));
    }
  }

  // All events, as [id, version, text].
  get events() {
    return this.messages.flatMap(({ verification, events }) => events.map((event) => [verification.id, event.version, describe(event)]));
  }

  #store({ data, errors }) {
    assert.equal(errors, undefined, JSON.stringify(errors));
    const { cursor, verification, events } = data.verificationUpdated;
    if (events.length) assert.equal(events.at(-1).version, verification.version, "the state is not the one after the last event");
    this.messages.push({ cursor, verification, events });
    this.#wake();
  }

  #end() {
    this.#ended = true;
    this.#wake();
  }

  #wake() {
    this.#waiting.splice(0).forEach((resolve) => resolve());
  }
}

function describe({ type, toStatus, reasons }) {
  return type === "STATUS_CHANGED" ? [toStatus, ...reasons.map(({ code }) => code)].join(" ") : type;
}
