/** The page of the person who is being verified. Its link has a follow token as its fragment, which browsers do not send to servers. */

import "./person.css";
import { NAME, type VerificationStatusElement } from "@verification-gateway/element";
import { Kept } from "./kept";
import { LANGUAGES, languageOf } from "./languages";

const token = new Kept("token");
const language = new Kept("language");
const { graphql } = JSON.parse(document.getElementById("configuration")!.textContent!) as { graphql: string };
const status = document.querySelector(NAME) as VerificationStatusElement;
const choice = document.querySelector("select")!;

/** Take the token out of the address bar, so that it stays neither in the history nor in a screenshot. */
function takeToken(): void {
  const fragment = location.hash.slice(1);
  if (!fragment) return;
  token.value = fragment;
  history.replaceState(null, "", location.pathname + location.search);
}

/** The id of the first attempt of the chain that a token is for. Null if it is not a follow token. */
function chainOf(token: string | null): string | null {
  try {
    return JSON.parse(atob(token!.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/"))).chain ?? null;
  } catch {
    return null;
  }
}

function follow(): void {
  takeToken();
  const { value } = token;
  const chain = chainOf(value);
  // Without a token the element says that the link must be opened again.
  status.token = () => chain && value;
  status.setAttribute("verification-id", chain ?? "none");
}

function speak(chosen: string): void {
  const { title, switch: label } = LANGUAGES[chosen]!;
  document.documentElement.lang = chosen;
  document.title = title;
  for (const place of document.querySelectorAll("h1, .name")) place.textContent = title;
  choice.setAttribute("aria-label", label);
  choice.value = chosen;
  status.setAttribute("locale", chosen);
}

choice.append(...Object.entries(LANGUAGES).map(([code, { name }]) => new Option(name, code)));
for (const [index, code] of Object.keys(LANGUAGES).entries()) choice.options[index]!.lang = code;
choice.addEventListener("change", () => speak((language.value = choice.value)));
addEventListener("hashchange", follow);

status.setAttribute("url", graphql);
speak(languageOf([language.value ?? [], navigator.languages].flat()));
follow();
