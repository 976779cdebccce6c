import { GatewayError } from "./errors.js";

/** The function of an app that fetches a token. Null: the user has signed out. */
export type TokenSource = () => Promise<string | null> | string | null;

/** The part of a token's lifetime after which the next one is fetched. */
const USED = 0.8;

/** The token of the client. It is fetched again shortly before it expires, and after the gateway refused it. */
export class Tokens {
  /** When to fetch the next token, in milliseconds since 1970; NaN if the token does not show it. */
  renewAt = NaN;
  /** The token that was fetched last; undefined if the gateway refused it. */
  last: string | undefined;
  #fetching: Promise<string> | undefined;

  readonly #source: TokenSource;

  constructor(source: TokenSource) {
    this.#source = source;
  }

  /**
   * A token that has not expired. Calls at the same time share one call of the app's function.
   *
   * @throws GatewayError with SIGNED_OUT if the app has no token, or what the app's function throws.
   */
  async current(): Promise<string> {
    if (this.last && Date.now() < this.renewAt) return this.last;
    this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  /** Fetch a new token before the next request, unless this token was replaced already. */
  refused(token: string): void {
    if (token === this.last) this.last = undefined;
  }

  async #fetch(): Promise<string> {
    const token = await this.#source();
    if (!token) throw new GatewayError("SIGNED_OUT", "there is no token");
    const now = Date.now();
    const lifetime = expiry(token) - now;
    // A token that seems to have expired already: the clocks differ, and only the gateway can say when it expires.
    this.renewAt = lifetime > 0 ? now + lifetime * USED : NaN;
    return (this.last = token);
  }
}

/** When a JSON Web Token expires, in milliseconds since 1970; NaN if the token has another format. */
function expiry(token: string): number {
  try {
    const claims = token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/");
    return JSON.parse(atob(claims)).exp * 1000;
  } catch {
    return NaN;
  }
}
