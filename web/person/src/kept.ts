/** A value that stays when the page is loaded again in the same tab. Nothing is kept if the browser forbids it. */
export class Kept {
  readonly #key: string;
  #value: string | null = null;

  /** @param key a name that no other page of the same server uses. */
  constructor(key: string) {
    this.#key = key;
  }

  get value(): string | null {
    try {
      this.#value ??= sessionStorage.getItem(this.#key);
    } catch {
      // The page goes on without the storage.
    }
    return this.#value;
  }

  set value(value: string) {
    this.#value = value;
    try {
      sessionStorage.setItem(this.#key, value);
    } catch {
      // The page goes on without the storage.
    }
  }
}
