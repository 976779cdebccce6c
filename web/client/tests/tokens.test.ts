import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Tokens } from "../src/tokens.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

let number = 0;
/** A token that expires after some seconds. */
function jwt(seconds: number): string {
  const claims = { exp: Math.floor(Date.now() / 1000) + seconds, jti: `token ${(number += 1)} ÿ` };
  return `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;
}

test("a token is fetched again when most of its lifetime is over", async () => {
  const source = vi.fn(() => jwt(100));
  const tokens = new Tokens(source);

  const first = await tokens.current();
  vi.advanceTimersByTime(75_000);
  expect(await tokens.current()).toBe(first);
  vi.advanceTimersByTime(6_000);
  expect(await tokens.current()).not.toBe(first);
  expect(source).toHaveBeenCalledTimes(2);
});

test("a refused token is fetched again once, however many requests were refused", async () => {
  const source = vi.fn(async () => jwt(100));
  const tokens = new Tokens(source);
  const first = await tokens.current();

  tokens.refused(first);
  const [second, third] = await Promise.all([tokens.current(), tokens.current()]);
  tokens.refused(first);

  expect(second).toBe(third);
  expect(await tokens.current()).toBe(second);
  expect(source).toHaveBeenCalledTimes(2);
});

test.each(["opaque", "a.b", jwt(-100)])("a token without a usable expiry is fetched for each request: %#", async (token) => {
  const source = vi.fn(() => token);
  const tokens = new Tokens(source);

  await tokens.current();
  await tokens.current();

  expect(source).toHaveBeenCalledTimes(2);
  expect(tokens.renewAt).toBeNaN();
});

test("no token means that the user has signed out", async () => {
  await expect(new Tokens(() => null).current()).rejects.toMatchObject({ code: "SIGNED_OUT" });
});
