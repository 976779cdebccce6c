import type { GatewayError, ResponseError } from "./errors.js";

/** An operation and its variables. */
export interface Operation {
  readonly query: string;
  readonly variables: object;
}

/** One message of a subscription. */
export interface Message {
  readonly data?: unknown;
  readonly errors?: readonly ResponseError[];
}

/** A way to run subscriptions. */
export interface Transport {
  /**
   * Run one attempt at a subscription. Returns undefined once the gateway has completed it or the signal is aborted, otherwise the error that
   * ended the attempt: UNAUTHENTICATED if the gateway does not accept the token, or does not accept it any more.
   */
  run(operation: Operation, token: string, next: (message: Message) => void, signal: AbortSignal): Promise<GatewayError | undefined>;
  /** Close all connections. The attempts end with CONNECTION_LOST. */
  drop(): void;
  /** Find dead connections and close them. `woken`: whether the page may have slept, after which dead connections are likelier and found sooner. */
  check(woken: boolean): void;
}
