import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { backoff, type Connection, SharedConnection } from "../src/connection.js";
import { GatewayError } from "../src/errors.js";
import { keepSubscribed } from "../src/subscription.js";
import { Tokens } from "../src/tokens.js";
import type { Message, Transport } from "../src/transport.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const [UNREACHABLE, LOST] = [new GatewayError("UNREACHABLE", ""), new GatewayError("CONNECTION_LOST", "")];

/** A transport whose attempts end as the test decides. */
class Attempts implements Transport {
  readonly waking: boolean[] = [];
  started = 0;
  next: (message: Message) => void = () => {};
  end: (error?: GatewayError) => void = () => {};

  run(_: unknown, __: string, next: (message: Message) => void, signal: AbortSignal) {
    this.started += 1;
    return new Promise<GatewayError | undefined>((resolve) => {
      Object.assign(this, { next, end: resolve });
      signal.addEventListener("abort", () => resolve(undefined));
    });
  }

  drop(): void {
    this.end(LOST);
  }

  check(woken: boolean): void {
    this.waking.push(woken);
  }
}

function following(sockets: Attempts | undefined, streams = new Attempts(), token = () => "opaque") {
  const connection = new SharedConnection(new Tokens(token), sockets, streams);
  const states: Connection[] = [];
  connection.listen((state) => states.push(state));
  const stopped = new AbortController();
  const source = { operation: { query: "", variables: {} }, next: () => {}, restart: () => false };
  const ended = keepSubscribed(connection, source, stopped.signal);
  return { connection, states, stopped, ended };
}

/** Let all waits end, until the transport has started another attempt. */
async function attempt(transport: Attempts, number: number): Promise<void> {
  for (let waits = 0; transport.started < number && waits < 100; waits += 1) await vi.advanceTimersByTimeAsync(1000);
  expect(transport.started).toBe(number);
}

test("waits double up to a limit, with jitter", () => {
  const waits = [0, 1, 4, 5, 50].map((failures) => Array.from({ length: 200 }, () => backoff(failures)));

  const bounds = [[250, 500], [500, 1000], [4000, 8000], [7500, 15000], [7500, 15000]] as const;
  for (const [index, [least, most]] of bounds.entries()) {
    expect(Math.min(...waits[index]!)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...waits[index]!)).toBeLessThanOrEqual(most);
    expect(new Set(waits[index]).size).toBeGreaterThan(100);
  }
});

test("event streams are used after two sockets failed, and sockets again if neither works", async () => {
  const [sockets, streams] = [new Attempts(), new Attempts()];
  const { connection, stopped } = following(sockets, streams);

  await attempt(sockets, 1);
  sockets.end(UNREACHABLE);
  await attempt(sockets, 2);
  sockets.end(UNREACHABLE);
  await attempt(streams, 1);
  expect(connection.current.transport).toBe("sse");
  streams.end(UNREACHABLE);
  await attempt(sockets, 3);
  expect(connection.current.transport).toBe("websocket");
  stopped.abort();
});

test("a lost event stream is replaced by a socket after five minutes, and one failure leads back", async () => {
  const [sockets, streams] = [new Attempts(), new Attempts()];
  const { connection, stopped } = following(sockets, streams);
  for (const number of [1, 2]) {
    await attempt(sockets, number);
    sockets.end(UNREACHABLE);
  }
  await attempt(streams, 1);
  streams.next({ data: {} });
  expect(connection.current.state).toBe("connected");

  streams.end(LOST);
  await attempt(streams, 2);
  streams.next({ data: {} });
  await vi.advanceTimersByTimeAsync(300_000);
  streams.end(LOST);
  await attempt(sockets, 3);
  sockets.end(UNREACHABLE);
  await attempt(streams, 3);
  stopped.abort();
});

test("sockets that a gateway closed are no reason for event streams", async () => {
  const sockets = new Attempts();
  const { stopped } = following(sockets);
  for (let number = 1; number < 6; number += 1) {
    await attempt(sockets, number);
    sockets.end(LOST);
  }
  stopped.abort();
});

test("the wait that the gateway requests is kept, even if the page wakes up", async () => {
  const sockets = new Attempts();
  const { connection, stopped } = following(sockets);
  await attempt(sockets, 1);

  sockets.end(new GatewayError("RATE_LIMITED", "", [], 60_000));
  await vi.advanceTimersByTimeAsync(30_000);
  expect(connection.current).toMatchObject({ state: "waiting", error: { code: "RATE_LIMITED" } });
  expect(sockets.started).toBe(1);
  await attempt(sockets, 2);
  stopped.abort();
});

test("an app without a token right now is a reason to wait, not to give up", async () => {
  const sockets = new Attempts();
  let failures = 3;
  const token = (): string => {
    if (failures-- > 0) throw new Error("the app's server restarts");
    return "opaque";
  };
  const { connection, stopped } = following(sockets, undefined, token);

  await vi.advanceTimersByTimeAsync(0);
  expect(connection.current).toMatchObject({ state: "waiting", error: { code: "TOKEN_UNAVAILABLE" } });
  await attempt(sockets, 1);
  stopped.abort();
});

test("the connection is tested at once when the clock has jumped", async () => {
  const sockets = new Attempts();
  const { stopped } = following(sockets);
  await attempt(sockets, 1);

  await vi.advanceTimersByTimeAsync(10_000);
  expect(sockets.waking).not.toContain(true);
  vi.setSystemTime(Date.now() + 3_600_000);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(sockets.waking).toContain(true);
  stopped.abort();
});

test("an app that stops receives no message any more, and nothing is left running", async () => {
  const sockets = new Attempts();
  const { connection, stopped, ended, states } = following(sockets);
  await attempt(sockets, 1);

  stopped.abort();
  sockets.next({ data: {} });

  expect(await ended).toEqual({ reason: "stopped" });
  expect(connection.current.state).toBe("idle");
  expect(states.map(({ state }) => state)).not.toContain("connected");
  expect(vi.getTimerCount()).toBe(0);
});
