import { cleanup, render, waitFor } from "@testing-library/react";
import { StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, expect, test } from "vitest";
import { VerificationStatus } from "../src/index.js";
import { concluded, counted, created, progressed, retried, signed, url } from "./gateway.js";

const PATIENT = { timeout: 30_000 };
afterEach(cleanup);

/** What the element shows inside its shadow root. */
function shown(container: HTMLElement) {
  const root = container.querySelector("verification-status")!.shadowRoot!;
  return {
    heading: () => root.querySelector("h2")?.textContent,
    link: () => root.querySelector("a"),
    hints: () => [...root.querySelectorAll(".tip")].map((hint) => hint.textContent),
    step: () => root.querySelector("[aria-current=step]")?.textContent,
    region: () => root.querySelector(".body"),
  };
}

test("the person sees each phase, the retry with advice, and the end", async () => {
  const { id } = await created();
  const states: string[] = [];
  const { client } = counted();
  const { container } = render(
    <StrictMode><VerificationStatus id={id} client={client} locale="en" onChange={({ phase }) => states.push(phase)} /></StrictMode>,
  );
  const see = shown(container);

  await waitFor(() => expect(see.heading()).toBe("Ready when you are"), PATIENT);
  expect(see.link()!.textContent).toBe("Start the video check");
  await progressed(id, "LINK_OPENED", "CAPTURE_STARTED");
  await waitFor(() => expect(see.heading()).toBe("You are recording your video"), PATIENT);
  await progressed(id, "CAPTURE_COMPLETED");
  await waitFor(() => expect(see.step()).toBe("We are checking it"), PATIENT);
  expect(see.link()).toBeNull();
  await concluded(id, "INCONCLUSIVE", "IDVV_1314");
  await waitFor(() => expect(see.heading()).toBe("This check has ended"), PATIENT);
  expect(see.hints()).toHaveLength(1);
  const second = await retried(id);
  await waitFor(() => expect(see.heading()).toBe("Let’s try once more"), PATIENT);
  expect(see.hints()).toHaveLength(1);
  await concluded(second.id, "VERIFIED");
  await waitFor(() => expect(see.heading()).toBe("You’re verified"), PATIENT);
  expect(see.link()!.textContent).toBe("Back to shop.example");
  expect(states.at(-1)).toBe("DONE");
});

test.each([["FAILED", "IDVV_2301"], ["FAILED", "UNHEARD_OF"]])("a withheld reason leaves no trace: %s %s", async (status, code) => {
  const { id } = await created();
  await concluded(id, status, code);
  const { container } = render(<VerificationStatus id={id} url={url} token={signed("verification:read")} locale="en" />);
  const see = shown(container);

  await waitFor(() => expect(see.heading()).toBe("This check has ended"), PATIENT);

  expect(see.hints()).toEqual([]);
  expect(see.region()!.textContent).not.toMatch(/fail|fraud|IDVV|2301|UNHEARD/i);
});

test.each([["fr-CA", "Quand vous voulez"], ["de", "Bereit, wenn Sie es sind"], ["es", "Cuando usted quiera"], ["it", "Quando vuole"], ["nl", "Ready when you are"]])(
  "the element speaks the person's language: %s",
  async (locale, heading) => {
    const { id } = await created();
    const { container } = render(<VerificationStatus id={id} url={url} token={async () => signed()} locale={locale} />);

    await waitFor(() => expect(shown(container).heading()).toBe(heading), PATIENT);
  },
);

test("the token is no attribute, and changes are announced politely", async () => {
  const { id } = await created();
  const { container } = render(<VerificationStatus id={id} url={url} token={signed()} theme="dark" className="mine" />);
  const element = container.querySelector("verification-status")!;

  await waitFor(() => expect(shown(container).heading()).toBe("Ready when you are"), PATIENT);

  expect(element.getAttributeNames().sort()).toEqual(["class", "theme", "url", "verification-id"]);
  // A region with this role is announced politely.
  expect(shown(container).region()!.getAttribute("role")).toBe("status");
});

test("a token that is refused ends the page with a way back, and a new token begins again", async () => {
  const { id } = await created();
  const endings: string[] = [];
  const props = { id, url, locale: "en", onEnd: ({ reason }: { reason: string }) => void endings.push(reason) };
  const { container, rerender } = render(<VerificationStatus {...props} token="refused" />);

  await waitFor(() => expect(shown(container).heading()).toBe("Please open your link again"), PATIENT);
  rerender(<VerificationStatus {...props} token={signed()} />);
  await waitFor(() => expect(shown(container).heading()).toBe("Ready when you are"), PATIENT);

  expect(endings).toEqual(["failed"]);
});

test("on a server, the element is written without its content and without the token", () => {
  const html = renderToString(<VerificationStatus id="ver_1" url="/graphql" token="secret" locale="fr" />);

  expect(html).toMatch(/^<verification-status [^>]*verification-id="ver_1"[^>]*><\/verification-status>$/);
  expect(html).not.toContain("secret");
});
