import type { GatewayClient } from "@verification-gateway/client";
import { act, cleanup, render, screen, waitFor } from "@testing-library/react";
import { type ReactNode, StrictMode, Suspense, useState } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, expect, test } from "vitest";
import { GatewayProvider, useConnection, useVerification, useVerifications } from "../src/index.js";
import { concluded, counted, created, progressed, retried } from "./gateway.js";

const PATIENT = { timeout: 30_000 };
afterEach(cleanup);

function Status({ id, onVersions }: { id: string | null; onVersions?: (versions: number[]) => void }) {
  const { verification, ending, error } = useVerification(id, {
    after: 0,
    onChange: ({ events }) => onVersions?.(events.map(({ version }) => version)),
  });
  const { state } = useConnection();
  return <p>{[verification?.attempt, verification?.status, ending?.reason, error?.code, state].filter(Boolean).join(" ")}</p>;
}

function List() {
  const { rows, count, hasMore, isLoading, loadMore } = useVerifications({ status: ["FAILED"] }, { pageSize: 2 });
  const [renderings, setRenderings] = useState(0);
  return (
    <>
      <p>{isLoading ? "loading" : `${rows.length} of ${count}, ${hasMore}`}</p>
      <button onClick={() => void loadMore()}>more</button>
      <button onClick={() => setRenderings(renderings + 1)}>render</button>
    </>
  );
}

function inside(client: GatewayClient, children: ReactNode) {
  return <StrictMode><GatewayProvider client={client}>{children}</GatewayProvider></StrictMode>;
}

test("a verification and its retry are followed to the end, with one subscription under StrictMode", async () => {
  const { id } = await created();
  const { client, subscriptions } = counted();
  const versions: number[][] = [];

  render(inside(client, <Status id={id} onVersions={(each) => versions.push(each)} />));
  await screen.findByText("1 PENDING connected", {}, PATIENT);
  await concluded(id, "FAILED", "IDVV_2101");
  await screen.findByText("1 FAILED connected", {}, PATIENT);
  const second = await retried(id);
  await screen.findByText("2 PENDING connected", {}, PATIENT);
  await concluded(second.id, "VERIFIED");
  await screen.findByText("2 VERIFIED completed idle", {}, PATIENT);

  expect(versions.flat()).toEqual([1, 2, 3, 1, 2]);
  expect(subscriptions).toHaveLength(1);
});

test("another id is followed in place of the first, and nothing after the component is gone", async () => {
  const [first, second] = [await created(), await created()];
  await progressed(second.id, "LINK_OPENED");
  const { client, subscriptions } = counted();

  const { rerender, unmount } = render(inside(client, <Status id={first.id} />));
  await screen.findByText("1 PENDING connected", {}, PATIENT);
  rerender(inside(client, <Status id={second.id} />));
  await waitFor(() => expect(subscriptions).toHaveLength(2), PATIENT);
  await screen.findByText("1 PENDING connected", {}, PATIENT);
  await concluded(first.id, "VERIFIED");
  await concluded(second.id, "INCONCLUSIVE", "IDVV_1314");
  await screen.findByText("1 INCONCLUSIVE connected", {}, PATIENT);
  rerender(inside(client, <Status id={null} />));
  await screen.findByText("idle", {}, PATIENT);
  unmount();

  expect(client.connection.state).toBe("idle");
});

test("an id that does not exist is an error to show", async () => {
  const { client } = counted();

  render(inside(client, <Status id="ver_missing" />));

  await screen.findByText("failed NOT_FOUND idle", {}, PATIENT);
});

test("a component that suspends before it is mounted opens no subscription", async () => {
  const { id } = await created();
  const { client, subscriptions } = counted();
  let proceed = (): void => {};
  let waiting: Promise<void> | null = new Promise<void>((resolve) => (proceed = () => ((waiting = null), resolve())));
  function Suspended() {
    const { verification } = useVerification(id);
    if (waiting) throw waiting;
    return <p>{verification?.status ?? "nothing yet"}</p>;
  }

  render(inside(client, <Suspense fallback={<p>suspended</p>}><Suspended /></Suspense>));
  await screen.findByText("suspended");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(subscriptions).toHaveLength(0);
  await act(async () => proceed());
  await screen.findByText("PENDING", {}, PATIENT);

  expect(subscriptions).toHaveLength(1);
});

test("a list is followed with a filter that is a new object each time, and further pages are loaded", async () => {
  const ids: string[] = [];
  for (let number = 0; number < 4; number += 1) ids.push((await created()).id);
  const { client, subscriptions } = counted();

  render(inside(client, <List />));
  await screen.findByText(/of/, {}, PATIENT);
  const before = Number(/of (\d+)/.exec(screen.getByText(/of/).textContent!)![1]);
  for (const id of ids) await concluded(id, "FAILED", "IDVV_2101");
  await screen.findByText(new RegExp(`of ${before + 4}`), {}, PATIENT);
  act(() => screen.getByText("render").click());
  act(() => screen.getByText("more").click());
  await waitFor(() => expect(Number.parseInt(screen.getByText(/of/).textContent!)).toBeGreaterThanOrEqual(4), PATIENT);

  expect(subscriptions).toHaveLength(1);
});

test("on a server, nothing is followed", () => {
  const { client, subscriptions } = counted();

  expect(renderToString(inside(client, <><Status id="ver_1" /><List /></>))).toContain("loading");

  expect(subscriptions).toHaveLength(0);
});
