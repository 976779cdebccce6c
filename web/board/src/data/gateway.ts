/** The board's connection to the gateway: the client package, with one pasted token. */

import { createGatewayClient, type GatewayClient, GatewayError, type TypedDocument } from "@verification-gateway/client";

export type ConnectionState = "connecting" | "live" | "reconnecting" | "offline" | "ended";

const STATES = { idle: "connecting", connecting: "connecting", connected: "live", waiting: "reconnecting", offline: "offline" } as const;

// A timer for a longer time would ring at once: browsers count its milliseconds in 32 bits.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Everything that the board reads and changes goes through this object. It ends when the token is refused or has expired. */
export class Gateway {
  readonly client: GatewayClient;
  state: ConnectionState = "connecting";
  /** When `state` last changed, in milliseconds since 1970. */
  since = Date.now();
  /** Whether changes arrive through an event stream, because WebSockets are blocked here. */
  overStream = false;
  #listeners = new Set<() => void>();
  #wasLive = false;
  #ending: ReturnType<typeof setTimeout> | undefined;

  constructor(endpoint: string, readonly token: string) {
    const expires = expiry(token);
    const left = expires - Date.now();
    if (left < MAX_TIMER_MS) this.#ending = setTimeout(() => this.end(), left);
    this.client = createGatewayClient({
      url: endpoint,
      // The pasted token is the only one, so the session ends when this token has expired.
      token: async () => {
        if (Date.now() < expires) return token;
        this.end();
        return null;
      },
    });
    this.client.onConnection(({ state, transport, error }) => {
      this.overStream = transport === "sse";
      const next = STATES[state];
      // Without an error, nothing was lost: another list begins on the same connection, because the reader has changed a filter.
      if (next === "connecting" && this.state === "live" && !error) return;
      if (next === "live") this.#wasLive = true;
      this.#enter(next === "connecting" && this.#wasLive ? "reconnecting" : next);
    });
  }

  /** Calls the listener at each change of the state. Returns a function that removes the listener. */
  listen = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** The result of a query or mutation. Throws GatewayError. */
  async execute<Result, Variables>(document: TypedDocument<Result, Variables>, variables: Variables): Promise<Result> {
    try {
      const { data } = await this.client.query(document, variables);
      return data;
    } catch (error) {
      this.check(error);
      throw error;
    }
  }

  /** Ends the session if the error says that the token is not accepted. */
  check(error: unknown) {
    if (error instanceof GatewayError && (error.code === "UNAUTHENTICATED" || error.code === "SIGNED_OUT")) this.end();
  }

  end() {
    this.#enter("ended");
  }

  close() {
    clearTimeout(this.#ending);
    this.#listeners.clear();
    this.client.close();
  }

  #enter(state: ConnectionState) {
    if (state === this.state || this.state === "ended") return;
    this.state = state;
    this.since = Date.now();
    for (const listener of this.#listeners) listener();
  }
}

/** When a token expires, in milliseconds since 1970. Infinity if its text does not show it. */
function expiry(token: string) {
  try {
    return JSON.parse(atob(token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/"))).exp * 1000;
  } catch {
    return Infinity;
  }
}
