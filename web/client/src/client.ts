import { stopping } from "./abort.js";
import { type Connection, SharedConnection } from "./connection.js";
import type { TypedDocument } from "./document.js";
import { asGatewayError, type ResponseError } from "./errors.js";
import { EventStreams } from "./event_streams.js";
import { type FollowedList, followList, type FollowListOptions } from "./followed_list.js";
import { type FollowedResult, type FollowedVerification, type FollowOptions, followVerification } from "./followed_verification.js";
import type { FollowVerificationResult, VerificationFields, VerificationFilter } from "./generated.js";
import { content, type Fetch, post } from "./http.js";
import type { ListRow } from "./rows.js";
import { Sockets } from "./sockets.js";
import { Tokens, type TokenSource } from "./tokens.js";

const JSON_TYPE = "application/json";
const MAX_TOKENS = 3;
const REQUEST_MS = 30_000;

export interface GatewayClientOptions {
  /** The address of the gateway's GraphQL endpoint, such as `https://verify.example.com/graphql`. In a browser, it can be relative. */
  readonly url: string;
  /** The address for WebSockets. By default, that of `url` with `wss:` instead of `https:`. */
  readonly socketUrl?: string;
  /**
   * Fetches a token from the app's own server. Called before the first request, shortly before the token expires, and after the gateway has
   * refused it. Null: the user has signed out, and everything that is followed ends with the error SIGNED_OUT.
   */
  readonly token: TokenSource;
  /** The class for WebSockets where there is no global one (Node 20: that of npm `ws`). Null: only server-sent events are used. */
  readonly webSocketImpl?: unknown;
  /** A function to use instead of the global `fetch`. */
  readonly fetch?: Fetch;
}

/** The result of a query or mutation. */
export interface Answer<Result> {
  readonly data: Result;
  /** The errors of single fields, which are null in `data`. Usually empty. */
  readonly errors: readonly ResponseError[];
}

export interface GatewayClient {
  /** The state of the connection, to display. */
  readonly connection: Connection;
  /** Call a function whenever the state of the connection changes. Returns a function that removes the listener. */
  onConnection(listener: (connection: Connection) => void): () => void;
  /** Follow one verification and, if requested, its retries. Ends by itself when there is nothing left to follow. */
  followVerification<Result extends FollowedResult = FollowVerificationResult>(id: string, options: FollowOptions<Result>): FollowedVerification<Result>;
  /** Follow the list of the verifications that match a filter. Null: all verifications. */
  followList<Row extends ListRow = VerificationFields>(filter: VerificationFilter | null, options: FollowListOptions<Row>): FollowedList;
  /** Execute a query. Throws GatewayError if there is no data. */
  query<Result, Variables>(document: TypedDocument<Result, Variables>, variables: Variables, options?: { signal?: AbortSignal }): Promise<Answer<Result>>;
  /**
   * Execute a mutation. The client never repeats it if it may have been executed. Throws GatewayError if there is no data. After UNREACHABLE, TIMEOUT
   * and UNAVAILABLE, it is unknown whether the mutation was executed: repeat it with the same idempotency key.
   */
  mutate<Result, Variables>(document: TypedDocument<Result, Variables>, variables: Variables, options?: { signal?: AbortSignal }): Promise<Answer<Result>>;
  /** End everything that is followed. */
  close(): void;
}

/** A client of a verification gateway. It opens a connection when something is followed, and closes it when nothing is. */
export function createGatewayClient(options: GatewayClientOptions): GatewayClient {
  const { fetch = globalThis.fetch.bind(globalThis), webSocketImpl = globalThis.WebSocket } = options;
  const url = new URL(options.url, globalThis.location?.href).href;
  const tokens = new Tokens(options.token);
  const sockets = webSocketImpl ? new Sockets(options.socketUrl ?? url.replace(/^http/, "ws"), webSocketImpl) : undefined;
  const connection = new SharedConnection(tokens, sockets, new EventStreams(url, fetch));
  const closed = new AbortController();

  async function execute<Result, Variables>(
    query: TypedDocument<Result, Variables>,
    variables: Variables,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Answer<Result>> {
    for (let refusals = 1; ; refusals += 1) {
      const token = await tokens.current();
      try {
        return (await executed(fetch, url, { query, variables: variables as object }, token, signal)) as Answer<Result>;
      } catch (thrown) {
        const error = asGatewayError(thrown);
        if (error.code !== "UNAUTHENTICATED" || refusals === MAX_TOKENS) throw error;
        tokens.refused(token);
      }
    }
  }

  return {
    get connection() {
      return connection.current;
    },
    onConnection: (listener) => connection.listen(listener),
    followVerification: (id, request) => followVerification(connection, id, request, closed.signal),
    followList: (filter, request) => followList(connection, execute, filter, request, closed.signal),
    query: execute,
    mutate: execute,
    close: () => closed.abort(),
  };
}

/** Execute an operation once, with a time limit. */
async function executed(fetch: Fetch, url: string, operation: { query: string; variables: object }, token: string, signal?: AbortSignal) {
  const request = stopping(signal);
  const timer = setTimeout(() => request.abort(), REQUEST_MS);
  try {
    return await content(await post(fetch, url, operation, token, JSON_TYPE, request.signal));
  } finally {
    clearTimeout(timer);
    request.abort();
  }
}
