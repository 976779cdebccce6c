import { type Client, createClient, type SubscribePayload } from "graphql-ws";
import { whenAborted } from "./abort.js";
import { GatewayError, gatewayError } from "./errors.js";
import type { Message, Operation, Transport } from "./transport.js";

/** How long a socket without subscriptions stays open for the next one. */
const IDLE_MS = 1_000;
/** How long a socket may be silent before it is tested with a ping. */
const SILENCE_MS = 10_000;
/** How long a connection attempt may take, and how long the reply to a ping. */
const REPLY_MS = 10_000;
const REPLY_WHEN_WOKEN_MS = 3_000;
/** Close codes that only the gateway uses. They prove that WebSockets are not blocked, even if the gateway has not accepted the token yet. */
const OF_THE_GATEWAY = [1012, 1013, 4408];
/** Close codes after which another attempt would end in the same way. */
const FATAL = [1009, 4400, 4406];

/** The WebSocket that all subscriptions of a client share. A new one is opened for the first attempt after the last one was closed. */
export class Sockets implements Transport {
  readonly #url: string;
  readonly #webSocketImpl: unknown;
  readonly #attempts = new Set<(error?: GatewayError) => void>();
  #client: Client | undefined;
  #socket: WebSocket | undefined;
  /** Whether the gateway has accepted the token. */
  #accepted = false;
  #heardAt = 0;
  /** The socket is closed if it is still silent at this time; Infinity if no reply is expected. */
  #replyBy = 0;

  constructor(url: string, webSocketImpl: unknown) {
    this.#url = url;
    this.#webSocketImpl = webSocketImpl;
  }

  run(operation: Operation, token: string, next: (message: Message) => void, signal: AbortSignal): Promise<GatewayError | undefined> {
    return new Promise((resolve) => {
      const settled = new AbortController();
      const settle = (error?: GatewayError): void => {
        if (!this.#attempts.delete(settle)) return;
        settled.abort();
        unsubscribe();
        resolve(error);
      };
      this.#attempts.add(settle);
      const client = (this.#client ??= this.#open(token));
      const unsubscribe = client.subscribe(operation as SubscribePayload, {
        next: (message: Message) => (message.data ? !settled.signal.aborted && next(message) : settle(gatewayError(message.errors))),
        error: (error) => settle(Array.isArray(error) ? gatewayError(error) : this.#error(error as CloseEvent)),
        complete: settle,
      });
      whenAborted(signal, settle, settled.signal);
    });
  }

  drop(): void {
    this.#client?.terminate();
  }

  check(woken: boolean): void {
    const now = Date.now();
    if (now > this.#replyBy) this.drop();
    else if (this.#client && this.#replyBy === Infinity && (woken || now > this.#heardAt + SILENCE_MS)) {
      this.#replyBy = now + (woken ? REPLY_WHEN_WOKEN_MS : REPLY_MS);
      this.#socket?.send('{"type":"ping"}');
    }
  }

  #open(token: string): Client {
    const end = (event: unknown): void => {
      // An error is followed by the event `closed` of the same socket. The second event must not end attempts on a newer socket.
      if (this.#client !== client) return;
      this.#client = undefined;
      // All attempts end now. Otherwise, graphql-ws would connect again by itself after the code 1000, because it would still have subscriptions.
      for (const settle of this.#attempts) settle(this.#error(event as CloseEvent));
    };
    const client = createClient({
      url: this.#url,
      webSocketImpl: this.#webSocketImpl,
      retryAttempts: 0,
      lazyCloseTimeout: IDLE_MS,
      connectionParams: { authorization: `Bearer ${token}` },
      on: {
        opened: (socket) => (this.#socket = socket as WebSocket),
        connected: () => (this.#accepted = true),
        message: () => {
          this.#heardAt = Date.now();
          this.#replyBy = Infinity;
        },
        closed: end,
        error: end,
      },
    });
    this.#accepted = false;
    this.#replyBy = Date.now() + REPLY_MS;
    return client;
  }

  /** The error with which attempts end if their socket was closed or could not be opened. */
  #error({ code, reason, message }: Partial<CloseEvent & Error>): GatewayError {
    const reached = this.#accepted || OF_THE_GATEWAY.includes(code!);
    const lost = reached ? "CONNECTION_LOST" : "UNREACHABLE";
    const name = code === 4403 ? "UNAUTHENTICATED" : FATAL.includes(code!) ? "BAD_REQUEST" : lost;
    return new GatewayError(name, reason || message || `the socket closed with ${code}`);
  }
}
