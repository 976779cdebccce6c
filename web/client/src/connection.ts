import { stopping, whenAborted } from "./abort.js";
import { GatewayError, isTemporary } from "./errors.js";
import type { Transport } from "./transport.js";
import { Tokens } from "./tokens.js";

/**
 * The state of a client's connection:
 *
 * - `idle`: nothing is followed.
 * - `connecting`: the first attempt, or an attempt after a wait.
 * - `connected`: what is followed is current.
 * - `waiting`: the connection was lost. The next attempt begins at `retryAt`.
 * - `offline`: the browser has no network. An attempt begins as soon as it has one.
 */
export type ConnectionState = "idle" | "connecting" | "connected" | "waiting" | "offline";

/** The state of a client's connection, to display. */
export interface Connection {
  readonly state: ConnectionState;
  /** `sse`: WebSockets are blocked, so that server-sent events are used instead. */
  readonly transport: TransportName;
  /** When the next attempt begins, in milliseconds since 1970; null unless the state is `waiting`. */
  readonly retryAt: number | null;
  /** Why the connection was lost; null once it is connected. */
  readonly error: GatewayError | null;
}

export type TransportName = "websocket" | "sse";

const MIN_WAIT_MS = 500;
const MAX_WAIT_MS = 15_000;
/** If a connection lasts longer than this, the failures before it no longer count. Otherwise, at most `MAX_UNSTABLE_FAILURES` of them count. */
const STABLE_MS = 5_000;
const MAX_UNSTABLE_FAILURES = 1;
const MAX_SOCKET_FAILURES = 2;
/** If an event stream is lost later than this after the change from WebSockets, the next attempt tries a WebSocket again. */
const SSE_MS = 300_000;
const TICK_MS = 2_000;
/** The shortest time between two attempts to replace a token before it expires. */
const RENEWAL_MS = 10_000;
/** If a timer is later than this, the computer has slept, or the page was frozen. */
const JUMP_MS = 10_000;
/** After this time without a network, an attempt begins nevertheless, because browsers can be wrong about being offline. */
const OFFLINE_MS = 30_000;
const MAX_REFUSALS = 3;

/** How long to wait after this number of failures in a row, in milliseconds: twice as long after each further one, up to a limit, with jitter. */
export function backoff(failures: number): number {
  return (0.5 + Math.random() / 2) * Math.min(MIN_WAIT_MS * 2 ** failures, MAX_WAIT_MS);
}

const isOffline = (): boolean => globalThis.navigator?.onLine === false;

/**
 * What all subscriptions of a client share: the transport, the waits after failures, and the state to display.
 *
 * All subscriptions share one connection, so its loss ends an attempt of each. That must count as one failure: each attempt belongs to a round, the
 * first failure of a round counts and begins the next round, and later failures of attempts of the old round do not count.
 */
export class SharedConnection {
  #current: Connection;
  /** The values of `#current` as one text, so that listeners are called only if a value has changed. */
  #published = "";
  #transport: TransportName;
  #round = 0;
  #failures = 0;
  #refusals = 0;
  #socketFailures = 0;
  #retryAt = 0;
  /** No attempt begins before this time, even if the page wakes up, because the gateway requested this pause. */
  #notBefore = 0;
  #renewedRound = -1;
  #renewNotBefore = 0;
  #connectedAt = 0;
  #switchedAt = 0;
  #error: GatewayError | null = null;
  /** The subscriptions, and whether each of them is connected. */
  readonly #subscriptions = new Map<object, boolean>();
  readonly #listeners = new Set<(connection: Connection) => void>();
  readonly #pauses = new Set<AbortController>();
  #watching: AbortController | undefined;
  readonly #sockets: Transport | undefined;
  readonly #streams: Transport;

  constructor(
    readonly tokens: Tokens,
    sockets: Transport | undefined,
    streams: Transport,
  ) {
    this.#sockets = sockets;
    this.#streams = streams;
    this.#transport = sockets ? "websocket" : "sse";
    this.#current = { state: "idle", transport: this.#transport, retryAt: null, error: null };
  }

  get current(): Connection {
    return this.#current;
  }

  get transport(): Transport {
    return this.#transport === "websocket" ? this.#sockets! : this.#streams;
  }

  /** The round to which an attempt that begins now belongs. */
  get round(): number {
    return this.#round;
  }

  listen(listener: (connection: Connection) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(subscription: object): void {
    if (!this.#subscriptions.size) this.#watching = this.#watch();
    this.#subscriptions.set(subscription, false);
    this.#publish();
  }

  remove(subscription: object): void {
    this.#subscriptions.delete(subscription);
    if (!this.#subscriptions.size) this.#watching?.abort();
    this.#publish();
  }

  /** Wait until the next attempt may begin. */
  async ready(signal: AbortSignal): Promise<void> {
    if (isOffline()) await this.pause(OFFLINE_MS, signal);
    for (let wait; !signal.aborted && (wait = this.#retryAt - Date.now()) > 0; ) await this.pause(wait, signal);
    this.#publish();
  }

  /** Wait for this time. The wait ends sooner if the signal is aborted, or when the page wakes up (see `#wake`). */
  pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const paused = stopping(signal);
      const timer = setTimeout(() => paused.abort(), milliseconds);
      this.#pauses.add(paused);
      whenAborted(paused.signal, () => {
        clearTimeout(timer);
        this.#pauses.delete(paused);
        resolve();
      });
    });
  }

  /** A subscription has received a message. */
  received(subscription: object): void {
    if (this.#subscriptions.get(subscription)) return;
    if (!this.#isConnected("some")) this.#connectedAt = Date.now();
    this.#failures = Math.min(this.#failures, MAX_UNSTABLE_FAILURES);
    this.#subscriptions.set(subscription, true);
    this.#error = null;
    this.#refusals = this.#socketFailures = 0;
    this.#publish();
  }

  /** An attempt has ended with an error. Returns an error if the subscription can't go on. */
  ended(subscription: object, round: number, error: GatewayError): GatewayError | undefined {
    const refused = error.code === "UNAUTHENTICATED";
    if (!refused && !isTemporary(error)) return error;
    // `#renew` has replaced this connection on purpose. The subscription counts as connected meanwhile, so that the app displays no interruption.
    if (round !== this.#renewedRound) this.#subscriptions.set(subscription, false);
    if (round === this.#round) {
      this.#round += 1;
      this.#error = error;
      this.#refusals += Number(refused);
      // The first refusal is no reason to wait: usually the token has expired, and the next attempt fetches a new one.
      if (refused ? this.#refusals > 1 : this.#choose(error.code !== "UNREACHABLE")) this.#wait(error.retryAfterMs);
    }
    this.#publish();
    if (!refused || this.#refusals < MAX_REFUSALS) return undefined;
    return new GatewayError(error.code, `${MAX_REFUSALS} tokens were refused: ${error.message}`);
  }

  /** If the token expires soon, fetch the next one, and replace the connection. */
  async #renew(): Promise<void> {
    const isDue = Date.now() > Math.max(this.tokens.renewAt, this.#renewNotBefore);
    if (!isDue || !this.#isConnected("some")) return;
    this.#renewNotBefore = Date.now() + RENEWAL_MS;
    const [before, round] = [this.tokens.last, this.#round];
    // If no token can be fetched now, the gateway closes the connection when the token expires, and the next attempt fetches one.
    const token = await this.tokens.current().catch(() => before);
    if (token === before || round !== this.#round) return;
    this.#renewedRound = this.#round;
    this.#round += 1;
    this.transport.drop();
  }

  #wait(retryAfterMs: number): void {
    if (Date.now() - this.#connectedAt > STABLE_MS && this.#connectedAt) this.#failures = 0;
    this.#connectedAt = 0;
    this.#notBefore = Date.now() + retryAfterMs;
    this.#retryAt = Math.max(Date.now() + backoff(this.#failures), this.#notBefore);
    this.#failures += 1;
  }

  /**
   * Choose the transport of the next attempt. `reached`: whether the gateway responded to the last one. Returns whether to wait before the next
   * attempt. Once WebSockets seem to be blocked, an event stream is tried right after each WebSocket that fails, so that after each wait both are
   * tried, the WebSocket first.
   */
  #choose(reached: boolean): boolean {
    if (this.#transport === "websocket") {
      this.#socketFailures = reached ? 0 : this.#socketFailures + 1;
      if (this.#socketFailures < MAX_SOCKET_FAILURES) return true;
      this.#transport = "sse";
      this.#switchedAt = Date.now();
      return false;
    }
    if (this.#sockets && (!reached || Date.now() > this.#switchedAt + SSE_MS)) {
      this.#socketFailures = MAX_SOCKET_FAILURES - 1;
      this.#transport = "websocket";
    }
    return true;
  }

  #publish(): void {
    const state = this.#state();
    const next: Connection = { state, transport: this.#transport, retryAt: state === "waiting" ? this.#retryAt : null, error: this.#error };
    const key = Object.values(next).join();
    if (key === this.#published) return;
    this.#published = key;
    this.#current = next;
    for (const listener of this.#listeners) listener(next);
  }

  #state(): ConnectionState {
    if (!this.#subscriptions.size) return "idle";
    if (isOffline()) return "offline";
    if (this.#isConnected("every")) return "connected";
    return this.#retryAt > Date.now() ? "waiting" : "connecting";
  }

  /** Whether at least one subscription (`some`) or each of them (`every`) is connected. */
  #isConnected(quantity: "some" | "every"): boolean {
    return [...this.#subscriptions.values()][quantity](Boolean);
  }

  /** The page is visible again, the network is back, or the computer woke up: test the connection, and end the waits. */
  #wake(): void {
    this.#retryAt = Math.min(this.#retryAt, this.#notBefore);
    for (const pause of this.#pauses) pause.abort();
    this.transport.check(true);
    this.#publish();
  }

  /** Watch the network, the page and the clock. Aborting the returned controller ends it. */
  #watch(): AbortController {
    let tickedAt = Date.now();
    const woken = (): void => {
      if (globalThis.document?.visibilityState !== "hidden") this.#wake();
    };
    const tick = setInterval(() => {
      const late = Date.now() - tickedAt - TICK_MS;
      tickedAt = Date.now();
      this.transport.check(false);
      if (late > JUMP_MS) woken();
      void this.#renew();
    }, TICK_MS);
    const watching = new AbortController();
    const { signal } = watching;
    // Outside of browsers, as on Node, there are no such events, and `addEventListener` and `document` may not exist.
    for (const type of ["online", "pageshow"]) globalThis.addEventListener?.(type, woken, { signal });
    globalThis.addEventListener?.("offline", () => this.#publish(), { signal });
    for (const type of ["visibilitychange", "resume"]) globalThis.document?.addEventListener(type, woken, { signal });
    whenAborted(signal, () => clearInterval(tick));
    return watching;
  }
}
