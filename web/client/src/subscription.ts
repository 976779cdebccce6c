import { asGatewayError, type GatewayError } from "./errors.js";
import type { SharedConnection } from "./connection.js";
import type { Message, Operation } from "./transport.js";

/** How a subscription ended. */
export type Ending =
  | { readonly reason: "completed" | "stopped" }
  | { readonly reason: "failed"; readonly error: GatewayError };

/** The operation of a subscription, and the functions that handle its messages. */
export interface Source {
  readonly operation: Operation;
  next(message: Message): void;
  /** Forget the cursor, because the gateway can't resume from it. Returns false if there is none. */
  restart(): boolean;
}

/** Codes after which the subscription can begin again without its cursor. BAD_USER_INPUT: a backup was restored, which is older than the cursor. */
const UNUSABLE_CURSOR = /^(LAGGED|VERSION_AHEAD|BAD_USER_INPUT)$/;

/** Keep a subscription going until the gateway completes it, an attempt fails for good, or the signal is aborted. */
export async function keepSubscribed(connection: SharedConnection, source: Source, signal: AbortSignal): Promise<Ending> {
  const subscription = {};
  connection.add(subscription);
  try {
    const error = await attempts(connection, source, subscription, signal);
    if (signal.aborted) return { reason: "stopped" };
    return error ? { reason: "failed", error } : { reason: "completed" };
  } finally {
    connection.remove(subscription);
  }
}

/** Attempt again and again. Returns the error with which the subscription failed; undefined if it was completed or stopped. */
async function attempts(connection: SharedConnection, source: Source, subscription: object, signal: AbortSignal): Promise<GatewayError | undefined> {
  for (;;) {
    await connection.ready(signal);
    const { round } = connection;
    const ending = await attempt(connection, source, subscription, signal);
    if (signal.aborted || !ending) return undefined;
    const error = connection.ended(subscription, round, ending);
    if (!error) continue;
    if (!UNUSABLE_CURSOR.test(error.code) || !source.restart()) return error;
    await connection.pause(1000 * Math.random(), signal);
  }
}

async function attempt(connection: SharedConnection, source: Source, subscription: object, signal: AbortSignal): Promise<GatewayError | undefined> {
  let token: string;
  try {
    token = await connection.tokens.current();
  } catch (error) {
    return asGatewayError(error, "TOKEN_UNAVAILABLE");
  }
  if (signal.aborted) return undefined;
  const next = (message: Message): void => {
    if (signal.aborted) return;
    connection.received(subscription);
    source.next(message);
  };
  const error = await connection.transport.run(source.operation, token, next, signal);
  if (error?.code === "UNAUTHENTICATED") connection.tokens.refused(token);
  return error;
}
