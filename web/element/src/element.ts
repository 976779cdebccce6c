import { type Connection, createGatewayClient, type Ending, type FollowedVerification, type GatewayClient } from "@verification-gateway/client";
import { FollowShown, type FollowShownResult } from "./generated.js";
import { icon, picture } from "./pictures.js";
import { STYLES } from "./styles.js";
import { languageOf, TEXTS } from "./texts.js";
import { filled, type Shown, type View, view } from "./view.js";

export type TokenOfElement = string | null | (() => Promise<string | null> | string | null);

/** The icons of the tips, in their order. */
const TIPS = ["card", "light", "clock"] as const;
const ATTRIBUTES = ["url", "verification-id", "locale", "token"];

// When a framework renders on a server, there is no HTMLElement. With an empty class in its place, the module can be imported there too.
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

/**
 * `<verification-status>`: shows the person who is being verified where the verification stands and what to do next, and keeps it current.
 *
 * Attributes: `url` (the gateway's GraphQL endpoint), `verification-id`, `locale` (by default the page's language, then the browser's), `theme`
 * (`light` or `dark`; by default the system's), `token`. The property `token` takes a follow token or, better, a function that fetches one: with a
 * function, the token is renewed. The property `client`, a GatewayClient, is used instead of `url` and `token`.
 *
 * The slot `header` is a line over the picture, for the app.
 *
 * Events: `verificationchange` (its `detail` is the state), `verificationend` (its `detail` says why nothing is followed any more).
 */
export class VerificationStatusElement extends Base {
  static readonly observedAttributes = ATTRIBUTES;

  #token: TokenOfElement = null;
  #client: GatewayClient | null = null;
  #ownClient: GatewayClient | undefined;
  #followed: FollowedVerification<FollowShownResult> | undefined;
  #shown: Shown | undefined;
  #ending: Ending | undefined;
  #receivedAt = 0;
  #rendered = "";
  #stopListening: (() => void) | undefined;
  #restarting = false;
  #counting: ReturnType<typeof setInterval> | undefined;

  get token(): TokenOfElement {
    return this.#token ?? this.getAttribute("token");
  }

  set token(token: TokenOfElement) {
    if (token === this.#token) return;
    this.#token = token;
    this.#tokenChanged();
  }

  get client(): GatewayClient | null {
    return this.#client;
  }

  set client(client: GatewayClient | null) {
    if (client === this.#client) return;
    this.#client = client;
    this.#restart();
  }

  connectedCallback(): void {
    for (const name of ["token", "client"] as const) this.#upgraded(name);
    if (!this.shadowRoot) {
      const root = this.attachShadow({ mode: "open" });
      styled(root);
      root.append(frame());
    }
    this.#restart();
    this.#render();
  }

  disconnectedCallback(): void {
    // If the element is only moved in the page, it is connected again before the microtask runs, and goes on following.
    queueMicrotask(() => this.isConnected || this.#stop());
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after) return;
    if (name === "token") this.#tokenChanged();
    else this.#restart();
  }

  /** After a new token: begin again if nothing is followed, or if the following failed. Otherwise, go on: the next request uses the new token. */
  #tokenChanged(): void {
    if (!this.#followed || this.#ending?.reason === "failed") this.#restart();
  }

  /** Set a property again that the page has set before the element was defined: such a property hides the accessor of this class. */
  #upgraded(name: "token" | "client"): void {
    if (!Object.hasOwn(this, name)) return;
    const value = this[name];
    delete (this as Record<string, unknown>)[name];
    Object.assign(this, { [name]: value });
  }

  /** Stop and start to follow, in a microtask: several attributes and properties that are set together cause one restart only. */
  #restart(): void {
    if (this.#restarting || !this.isConnected) return;
    this.#restarting = true;
    queueMicrotask(() => {
      this.#restarting = false;
      this.#stop();
      if (this.isConnected) this.#start();
    });
  }

  #start(): void {
    const [url, id] = [this.getAttribute("url"), this.getAttribute("verification-id")];
    if (!id || !(this.#client || (url && this.token))) return this.#render();
    const client = this.#client ?? (this.#ownClient = createGatewayClient({ url: url!, token: () => this.#fetched() }));
    this.#stopListening = client.onConnection(() => this.#render());
    const followed = client.followVerification<FollowShownResult>(id, {
      followRetries: true,
      document: FollowShown,
      variables: { locale: this.#language },
      onChange: ({ verification }) => this.#received(verification),
      onEnd: (ending) => followed === this.#followed && this.#ended(ending),
    });
    this.#followed = followed;
    this.#render();
  }

  #stop(): void {
    this.#stopListening?.();
    const followed = this.#followed;
    this.#followed = this.#shown = this.#ending = undefined;
    followed?.stop();
    this.#ownClient?.close();
    this.#ownClient = undefined;
    clearInterval(this.#counting);
  }

  #fetched(): Promise<string | null> | string | null {
    const { token } = this;
    return typeof token === "function" ? token() : token;
  }

  #received(verification: Shown): void {
    this.#shown = verification;
    this.#receivedAt = Date.now();
    this.#render();
    this.dispatchEvent(new CustomEvent("verificationchange", { detail: verification, bubbles: true, composed: true }));
  }

  #ended(ending: Ending): void {
    this.#ending = ending;
    this.#render();
    this.dispatchEvent(new CustomEvent("verificationend", { detail: ending, bubbles: true, composed: true }));
  }

  get #language(): string {
    const own = this.getAttribute("locale") ?? this.closest("[lang]")?.getAttribute("lang");
    return languageOf(own ? [own] : navigator.languages);
  }

  get #connection(): Connection {
    const client = this.#client ?? this.#ownClient;
    return client?.connection ?? { state: "idle", transport: "websocket", retryAt: null, error: null };
  }

  #render(): void {
    const root = this.shadowRoot;
    if (!root) return;
    const [language, connection] = [this.#language, this.#connection];
    const shown = view({ verification: this.#shown, connection, ending: this.#ending, receivedAt: this.#receivedAt }, language);
    const key = JSON.stringify([shown, language]);
    if (key !== this.#rendered) {
      const hadFocus = root.activeElement !== null;
      show(root, shown, language);
      if (hadFocus) root.querySelector("a")?.focus();
      this.#rendered = key;
    }
    clearInterval(this.#counting);
    if (shown.isStale) this.#count(root, connection, language);
  }

  /** Show the seconds until the next attempt to connect. Screen readers do not announce them, because they change every second. */
  #count(root: ShadowRoot, { retryAt }: Connection, language: string): void {
    const show = (): void => {
      const seconds = Math.ceil(((retryAt ?? 0) - Date.now()) / 1000);
      root.querySelector(".retry")!.textContent = seconds > 0 ? filled(TEXTS[language]!.retrying, { seconds }) : "";
    };
    show();
    this.#counting = setInterval(show, 1000);
  }
}

/** Add the style as a style sheet object, which a strict Content-Security-Policy allows. Old browsers have none, and receive a `<style>` element. */
function styled(root: ShadowRoot): void {
  if ("adoptedStyleSheets" in root && "replaceSync" in CSSStyleSheet.prototype) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLES);
    root.adoptedStyleSheets = [sheet];
  } else root.append(made("style", {}, STYLES));
}

/** The parts that are always in the element. Screen readers announce what changes in a region only if the region was there before. */
function frame(): HTMLElement {
  // An app may put a line of its own over the picture.
  const field = made("div", { class: "field" }, made("slot", { name: "header" }), made("div", { class: "picture" }));
  return made("div", { class: "frame" }, made("div", { class: "connection", role: "status" }), field, made("div", { class: "body", role: "status" }));
}

/** Put a view into the frame. */
function show(root: ShadowRoot, shown: View, language: string): void {
  const place = root.querySelector(".frame")!;
  place.className = `frame ${shown.mood}${shown.isStale ? " stale" : ""}`;
  place.setAttribute("lang", language);
  replaced(place, ".connection", shown.isStale ? [banner(language)] : []);
  replaced(place, ".picture", [picture(shown.mood)]);
  replaced(place, ".body", content(shown));
}

/** Replace the content of a part of the frame, unless it would stay the same, so that nothing is announced twice and no motion begins again. */
function replaced(place: Element, selector: string, children: Node[]): void {
  const part = place.querySelector(selector)!;
  const wrapped = made("div", {}, ...children);
  if (part.firstElementChild?.innerHTML !== wrapped.innerHTML) part.replaceChildren(wrapped);
}

function banner(language: string): HTMLElement {
  const text = made("span", {}, TEXTS[language]!.offline, " ", made("span", { class: "retry", "aria-hidden": "true" }));
  return made("p", { class: "offline" }, icon("lost"), text);
}

function content({ heading, lead, tips, advice, steps, action, note }: View): Node[] {
  const hints = [
    ...tips.map(([title, text], index) => tip(icon(TIPS[index]!), made("b", {}, title), made("span", {}, text))),
    ...advice.map((text) => tip(icon("bulb"), text)),
  ];
  const progress = steps?.names.map((name, index) => {
    const place: Record<string, string> = index === steps.current ? { "aria-current": "step" } : {};
    return made("li", { class: index < steps.current ? "step past" : "step", ...place }, made("i", { "aria-hidden": "true" }, ...(index < steps.current ? [icon("tick")] : [])), name);
  });
  const end = [...(action ? [made("a", { href: action.url, part: "action" }, action.label)] : []), ...(note ? [made("p", { class: "note" }, note)] : [])];
  return [
    made("h2", { part: "heading" }, heading),
    ...(lead ? [made("p", { class: "lead" }, lead)] : []),
    ...(hints.length ? [made("ul", {}, ...hints)] : []),
    ...(progress ? [made("ol", {}, ...progress)] : []),
    ...(end.length ? [made("div", { class: "end" }, ...end)] : []),
  ];
}

function tip(symbol: SVGElement, ...text: (Node | string)[]): HTMLElement {
  return made("li", { class: "tip" }, symbol, made("p", {}, ...text));
}

function made(name: string, attributes: Readonly<Record<string, string>>, ...children: (Node | string)[]): HTMLElement {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}
