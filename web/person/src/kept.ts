/** A value that stays when the page is loaded again in the same tab. Nothing is kept if the browser forbids it. */
export class Kept {
  readonly #key: string;
  #value: string | null = null;

  constructor(name: string) {
    // Beside the page, the tab may show other pages of the same server.
    this.#key = `follow-${name}`;
  }

  get value(): string | null {
    try {
      return this.#value ?? sessionStorage.getItem(this.#key);
    } catch {
      return this.#value;
    }
  }

  set value(value: string) {
    this.#value = value;
    try {
      sessionStorage.setItem(this.#key, value);
    } catch {
      // The page goes on without it.
    }
  }
}
