import { claimsOf } from "./claims.js";
import { GatewayError } from "./errors.js";

/** The function of an app that fetches a token. Null: the user has signed out. */
export type TokenSource = () => Promise<string | null> | string | null;

/** The next token is fetched when this part of the token's lifetime has passed. */
const USED = 0.8;

/** Holds the client's token. A new token is fetched when most of its lifetime has passed, and after the gateway refused it. */
export class Tokens {
  /** When to fetch the next token, in milliseconds since 1970; NaN if the token does not show when it expires. */
  renewAt = NaN;
  /** The token that was fetched last; undefined if the gateway refused it. */
  last: string | undefined;
  #fetching: Promise<string> | undefined;

  readonly #source: TokenSource;

  constructor(source: TokenSource) {
    this.#source = source;
  }

  /**
   * The last token until `renewAt`, afterwards a new one, also if `renewAt` is NaN. Calls at the same time share one call of the app's function.
   *
   * @throws GatewayError with SIGNED_OUT if the app has no token, or what the app's function throws.
   */
  async current(): Promise<string> {
    if (this.last && Date.now() < this.renewAt) return this.last;
    this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  /** The gateway refused this token: drop it, so that the next request fetches another one. Does nothing if it was replaced already. */
  refused(token: string): void {
    if (token === this.last) this.last = undefined;
  }

  async #fetch(): Promise<string> {
    const token = await this.#source();
    if (!token) throw new GatewayError("SIGNED_OUT", "no token");
    const now = Date.now();
    // NaN if the token has another format.
    const lifetime = claimsOf(token).exp! * 1000 - now;
    // If a new token seems to have expired already, this device's clock differs from the gateway's, so the time of the renewal can't be computed.
    this.renewAt = lifetime > 0 ? now + lifetime * USED : NaN;
    return (this.last = token);
  }
}
