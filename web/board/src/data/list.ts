/** The live list: pages that were read, with the changes that arrived since. */

import { type Connection, GatewayError } from "./client";
import type { Order, Row } from "./model";
import { CHANGES, COUNT, LIST } from "./operations";

const PAGE = 50;
const COUNT_EVERY_MS = 2000;
const PUBLISH_EVERY_MS = 100;

export interface ListState {
  /** The rows in their order. A row keeps its place when it changes. */
  rows: readonly Row[];
  /** New rows, newest first, that wait until the reader wants to see them. */
  fresh: readonly Row[];
  /** When a row changed its status or phase, in milliseconds since the page was loaded, by id. */
  changed: ReadonlyMap<string, number>;
  /** The ids of rows that no longer match, and stay until they can go without moving what the reader looks at. */
  leaving: ReadonlySet<string>;
  total: number | null;
  hasMore: boolean;
  loading: boolean;
  error: GatewayError | null;
}

interface Item { cursor: string; matches: boolean | null; removedId: string | null; verification: Row | null }
interface Page { verifications: { edges: { node: Row }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } }

/** Follows the verifications that match a filter. Create one for each filter and order, and `close` it. */
export class LiveList {
  #rows: Row[] = [];
  #index = new Map<string, number>();
  #fresh = new Map<string, Row>();
  #changed = new Map<string, number>();
  #leaving = new Set<string>();
  #early: Item[] | null = [];
  #end: string | null = null;
  #hasMore = false;
  #loading = true;
  #error: GatewayError | null = null;
  #total: number | null = null;
  #closed = false;
  #unsubscribe: (() => void) | null = null;
  #publishing: ReturnType<typeof setTimeout> | undefined;
  #counting: ReturnType<typeof setTimeout> | undefined;
  #state: ListState;
  #listeners = new Set<() => void>();
  /** Is called with each change that arrives, for the screen reader. */
  onChange: ((row: Row) => void) | null = null;

  constructor(readonly connection: Connection, readonly filter: object, readonly order: Order) {
    this.#state = this.#snapshot();
    this.#start();
  }

  get state() { return this.#state; }

  listen = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** Reads the next page, unless one is being read. */
  async more() {
    if (this.#loading || !this.#hasMore || this.#early) return;
    this.#loading = true;
    this.#publish();
    await this.#read(this.#end);
    this.#publish();
  }

  /** Puts the waiting rows into the list. */
  show() {
    if (this.#fresh.size === 0) return;
    const rows = [...this.#rows, ...this.#fresh.values()];
    this.#fresh.clear();
    const key = this.order === "UPDATED_NEWEST" ? "updatedAt" : "createdAt";
    const direction = this.order === "CREATED_OLDEST" ? 1 : -1;
    this.#replace(rows.sort((a, b) => direction * (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : a.id < b.id ? -1 : 1)));
    this.#publish();
  }

  /** Removes the rows that no longer match, except the one that the reader looks at. */
  sweep(keep: string | null) {
    const going = [...this.#leaving].filter((id) => id !== keep);
    if (going.length === 0) return;
    for (const id of going) this.#leaving.delete(id);
    const gone = new Set(going);
    this.#replace(this.#rows.filter((row) => !gone.has(row.id)));
    this.#publish();
  }

  /** Begins again: after an error, or when the feed can't be resumed. */
  restart() {
    this.#unsubscribe?.();
    this.#fresh.clear();
    this.#leaving.clear();
    this.#early = [];
    this.#loading = true;
    this.#error = null;
    this.#publish();
    this.#start();
  }

  close() {
    this.#closed = true;
    this.#unsubscribe?.();
    clearTimeout(this.#publishing);
    clearTimeout(this.#counting);
    this.#listeners.clear();
  }

  #start() {
    let first = true;
    this.#unsubscribe = this.connection.subscribe<Item>(CHANGES, "verificationsUpdated", { filter: this.filter }, {
      next: (item) => {
        // The first item says that the feed has begun. A page that is read from now on misses no change.
        if (first) {
          first = false;
          void this.#begin();
        } else if (this.#early) this.#early.push(item);
        else this.#apply(item);
      },
      error: (error) => {
        if (error.code === "LAGGED") return this.restart();
        this.#fail(error);
      },
    });
  }

  async #begin() {
    this.#end = null;
    this.#count();
    const read = await this.#read(null);
    const early = this.#early ?? [];
    if (!read) return this.#publish();
    this.#early = null;
    for (const item of early) this.#apply(item);
    this.#publish();
  }

  async #read(after: string | null) {
    try {
      const { verifications } = await this.connection.execute<Page>(LIST, { filter: this.filter, orderBy: this.order, first: PAGE, after });
      if (this.#closed) return false;
      const rows = verifications.edges.map(({ node }) => node);
      this.#hasMore = verifications.pageInfo.hasNextPage;
      this.#end = verifications.pageInfo.endCursor;
      this.#error = null;
      const added = rows.filter((row) => after === null || (!this.#index.has(row.id) && !this.#fresh.has(row.id)));
      this.#replace(after === null ? added : [...this.#rows, ...added]);
      return true;
    } catch (error) {
      this.#error = error instanceof GatewayError ? error : new GatewayError("UNKNOWN", String(error));
      return false;
    } finally {
      this.#loading = false;
    }
  }

  #apply(item: Item) {
    if (item.removedId) return this.#leave(item.removedId);
    const row = item.verification;
    if (!row) return;
    const place = this.#index.get(row.id);
    const present = place === undefined ? this.#fresh.get(row.id) : this.#rows[place];
    if (present && present.version >= row.version) return;
    if (!item.matches) {
      if (present) this.#leave(row.id, row);
    } else if (place !== undefined) {
      const before = this.#rows[place]!;
      this.#rows[place] = row;
      this.#leaving.delete(row.id);
      if (before.status !== row.status || before.phase !== row.phase) {
        this.#changed.set(row.id, performance.now());
        this.onChange?.(row);
      }
    } else if (present || !this.#beyond(row)) {
      this.#fresh.set(row.id, row);
      this.#count();
    } else this.#count();
    this.#publish();
  }

  /** Does the row belong below the last row that was read? Then a later page contains it. */
  #beyond(row: Row) {
    const last = this.#rows.at(-1);
    if (!this.#hasMore || !last) return false;
    if (this.order === "CREATED_OLDEST") return row.createdAt > last.createdAt;
    return this.order === "UPDATED_NEWEST" ? row.updatedAt < last.updatedAt : row.createdAt < last.createdAt;
  }

  #leave(id: string, row?: Row) {
    this.#fresh.delete(id);
    const place = this.#index.get(id);
    if (place !== undefined) {
      if (row) this.#rows[place] = row;
      this.#leaving.add(id);
    }
    this.#count();
    this.#publish();
  }

  #replace(rows: Row[]) {
    this.#rows = rows;
    this.#index = new Map(rows.map((row, place) => [row.id, place]));
  }

  #fail(error: GatewayError) {
    this.#error = error;
    this.#loading = false;
    this.#publish();
  }

  /** Counts the matching verifications, at most once in two seconds. */
  #count() {
    this.#counting ??= setTimeout(async () => {
      try {
        const { verifications } = await this.connection.execute<{ verifications: { totalCount: number } }>(COUNT, { filter: this.filter });
        this.#total = verifications.totalCount;
      } catch {
        // The count stays as it was. The next change counts again.
      }
      this.#counting = undefined;
      if (!this.#closed) this.#publish();
    }, this.#total === null ? 0 : COUNT_EVERY_MS);
  }

  /** Renders many changes at once: at most ten times a second. */
  #publish() {
    this.#publishing ??= setTimeout(() => {
      this.#publishing = undefined;
      if (this.#closed) return;
      this.#state = this.#snapshot();
      for (const listener of this.#listeners) listener();
    }, this.#listeners.size === 0 ? 0 : PUBLISH_EVERY_MS);
  }

  #snapshot(): ListState {
    return {
      rows: this.#rows.slice(),
      fresh: [...this.#fresh.values()].reverse(),
      changed: new Map(this.#changed),
      leaving: new Set(this.#leaving),
      total: this.#total,
      hasMore: this.#hasMore,
      loading: this.#loading,
      error: this.#error,
    };
  }
}
