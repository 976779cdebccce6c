import type { VerificationOrder } from "./generated.js";

/** What each row of a list must contain. */
export interface ListRow {
  readonly id: string;
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** The loaded rows of a list, in the order of the list: all its rows from the first one to a bound. */
export class Rows<Row extends ListRow> {
  /** The sort key of the last row that was read; undefined if the list is loaded to its end. */
  bound: string | undefined;
  readonly sorted: Row[] = [];
  readonly #byId = new Map<string, Row>();
  readonly #order: VerificationOrder;

  constructor(order: VerificationOrder) {
    this.#order = order;
  }

  get(id: string): Row | undefined {
    return this.#byId.get(id);
  }

  /** Insert a row, or replace it, at its place. */
  put(row: Row): void {
    this.remove(row.id);
    this.#byId.set(row.id, row);
    this.sorted.splice(this.#index(row), 0, row);
  }

  remove(id: string): void {
    const row = this.#byId.get(id);
    if (row) this.sorted.splice(this.#index(row), 1);
    this.#byId.delete(id);
  }

  /** Whether the place of a row is in the loaded part of the list. */
  contains(row: Row): boolean {
    return !this.bound || !this.#precedes(this.bound, this.key(row));
  }

  /** The sort key of a row. The gateway sends instants in one fixed format in UTC, so that they can be compared as texts. */
  key({ id, createdAt, updatedAt }: Row): string {
    return (/^C/.test(this.#order) ? createdAt : updatedAt) + id;
  }

  /** The number of rows that precede this row. */
  #index(row: Row): number {
    const key = this.key(row);
    let [low, high] = [0, this.sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#precedes(this.key(this.sorted[middle]!), key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #precedes(key: string, other: string): boolean {
    return /OLD/.test(this.#order) ? key < other : key > other;
  }
}
