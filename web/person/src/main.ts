/** The page of the person who is being verified. Its link has a follow token as its fragment, which browsers do not send to servers. */

import "./person.css";
import { claimsOf } from "@verification-gateway/client/claims";
import { NAME, type VerificationStatusElement } from "@verification-gateway/element";
import { Kept } from "./kept";
import { LANGUAGES, languageOf } from "./languages";

const token = new Kept("follow-token");
const language = new Kept("follow-language");
const { graphql, renewal } = JSON.parse(document.querySelector("#configuration")!.textContent!) as { graphql: string; renewal?: string };
const status = document.querySelector(NAME) as VerificationStatusElement;
const choice = document.querySelector("select")!;
/** The token that the element received last. */
let given: string | null;

/** Take the token out of the address bar, so that it stays neither in the history nor in a screenshot. */
function takeToken(): void {
  const fragment = location.hash.slice(1);
  if (!fragment) return;
  token.value = fragment;
  history.replaceState(null, "", location.pathname + location.search);
}

function follow(): void {
  takeToken();
  const { value } = token;
  // `chain`: the id of the first attempt; `page`: the reference to the address that renews the token.
  const { chain = null, page } = claimsOf(value);
  const search = page ? `?for=${page}` : "";
  // Load the page again at this address: only the response at this address has a policy that allows the page to renew the token.
  if (location.search !== search) return location.replace(`follow${search}#${value ?? ""}`);
  given = null;
  // Without a token the element says that the link must be opened again.
  status.token = async () => {
    if (renewal && given === token.value) await renew(chain!);
    return chain && (given = token.value);
  };
  status.setAttribute("verification-id", `${chain}`);
}

/**
 * Request a token in place of the one that the element has. If the integrator refuses, the element keeps its token.
 *
 * @throws an error if the integrator can't be reached and the token has expired, so that the element tries again later.
 */
async function renew(chain: string): Promise<void> {
  const { value } = token;
  const headers = { "content-type": "application/json" };
  try {
    const response = await fetch(renewal!, { method: "POST", headers, body: JSON.stringify({ token: value }), credentials: "include", redirect: "error" });
    if (response.status === 429 || response.status >= 500) throw response.status;
    if (response.ok) {
      const renewed = (await response.json()).token;
      if (claimsOf(renewed).chain === chain) token.value = renewed;
      else console.error("another chain");
    }
  } catch (error) {
    if (claimsOf(value).exp! * 1000 < Date.now()) throw error;
  }
}

function speak(chosen: string): void {
  const { title, switch: label } = LANGUAGES[chosen]!;
  document.documentElement.lang = chosen;
  document.title = title;
  for (const place of document.querySelectorAll("h1, .name")) place.textContent = title;
  choice.ariaLabel = label;
  choice.value = chosen;
  status.setAttribute("locale", chosen);
}

choice.append(...Object.entries(LANGUAGES).map(([lang, { name }]) => Object.assign(new Option(name, lang), { lang })));
choice.onchange = () => speak((language.value = choice.value));
onhashchange = follow;

status.setAttribute("url", graphql);
speak(languageOf([language.value ?? [], navigator.languages].flat()));
follow();
