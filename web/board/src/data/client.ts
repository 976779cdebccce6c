/** The connection to the gateway: queries over `fetch`, subscriptions over one WebSocket that all of them share. */

import { type Client, createClient, type Sink } from "graphql-ws";

export type ConnectionState = "connecting" | "live" | "reconnecting" | "offline" | "ended";

/** An answer of the gateway that has errors, or no answer at all. `code` is GraphQL's `extensions.code`, or "NETWORK". */
export class GatewayError extends Error {
  constructor(readonly code: string, message: string, readonly requestId: string | null = null) {
    super(message);
  }
}

const MAX_WAIT_MS = 15_000;
// Codes of errors after which a request with the same token can't succeed.
const TOKEN_REFUSED = new Set(["UNAUTHENTICATED"]);

export class Connection {
  state: ConnectionState = "connecting";
  since = Date.now();
  #listeners = new Set<() => void>();
  #sockets: Client;

  constructor(readonly endpoint: URL, readonly token: string) {
    this.#sockets = createClient({
      url: endpoint.href.replace(/^http/, "ws"),
      connectionParams: { authorization: `Bearer ${token}` },
      lazy: true,
      shouldRetry: () => this.state !== "ended",
      retryAttempts: Infinity,
      retryWait: (retries) => new Promise((resolve) => setTimeout(resolve, (0.5 + Math.random() / 2) * Math.min(500 * 2 ** retries, MAX_WAIT_MS))),
      on: {
        connected: () => this.#enter("live"),
        closed: (event) => {
          const code = (event as CloseEvent).code;
          if (code === 4403 || code === 4401) return this.#enter("ended");
          if (code !== 1000) this.#enter(navigator.onLine ? "reconnecting" : "offline");
        },
      },
    });
  }

  /** Calls the listener at each change of `state`. Returns a function that ends this. */
  listen = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** The result of a query or mutation. Throws GatewayError. */
  async execute<Data>(query: string, variables: object = {}): Promise<Data> {
    let response: Response;
    try {
      response = await fetch(this.endpoint, {
        method: "POST",
        headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json", accept: "application/graphql-response+json, application/json" },
        body: JSON.stringify({ query, variables }),
      });
    } catch {
      throw new GatewayError("NETWORK", "The gateway does not respond.");
    }
    const requestId = response.headers.get("x-request-id");
    const body = (await response.json().catch(() => null)) as { data?: Data; errors?: { message: string; extensions?: { code?: string } }[] } | null;
    const error = body?.errors?.[0];
    if (!body || error || !body.data) {
      const code = error?.extensions?.code ?? (response.status === 401 ? "UNAUTHENTICATED" : "NETWORK");
      if (TOKEN_REFUSED.has(code)) this.#enter("ended");
      throw new GatewayError(code, error?.message ?? `The gateway responded with ${response.status}.`, requestId);
    }
    return body.data;
  }

  /**
   * Follows a feed. `variables.after` moves with the cursor of each message, so that the feed resumes after the last message when the connection was
   * lost: graphql-ws serializes the variables anew at each connection. Returns a function that ends the subscription.
   */
  subscribe<Item extends { cursor: string }>(query: string, field: string, variables: object, on: { next(item: Item): void; error(error: GatewayError): void }) {
    let after: string | null = null;
    const sink: Sink<{ data?: Record<string, Item> | null; errors?: readonly { message: string; extensions?: { code?: string } }[] }> = {
      next(message) {
        const item = message.data?.[field];
        if (item) {
          after = item.cursor;
          on.next(item);
        } else if (message.errors?.[0]) sink.error(message.errors);
      },
      error(reason) {
        const error = Array.isArray(reason) ? (reason[0] as { message: string; extensions?: { code?: string } }) : null;
        on.error(new GatewayError(error?.extensions?.code ?? "NETWORK", error?.message ?? "The connection was lost."));
      },
      complete() {},
    };
    const payload = { query, variables: { ...variables, get after() { return after; } } };
    return this.#sockets.subscribe(payload, sink as unknown as Sink);
  }

  dispose() {
    this.#listeners.clear();
    void this.#sockets.dispose();
  }

  #enter(state: ConnectionState) {
    if (state === this.state || this.state === "ended") return;
    this.state = state;
    this.since = Date.now();
    for (const listener of this.#listeners) listener();
  }
}
