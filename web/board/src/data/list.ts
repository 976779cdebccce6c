/**
 * The live list of the board. The client package keeps the rows as they are in the gateway. This list decides which of them the reader sees: new rows
 * are held back until the reader requests them, and rows that no longer match stay until their removal moves nothing that the reader looks at.
 */

import { type FollowedList, GatewayError, type ListChange } from "@verification-gateway/client";
import type { Gateway } from "./gateway";
import { BoardFeed, BoardList, type VerificationFilter } from "./generated";
import type { Order, Row } from "./model";

const PAGE = 100;
// The first of several changes is shown at once, and those that follow it together, at most ten times a second.
const PUBLISH_EVERY_MS = 100;
// How long a changed row shows the colour of its new status.
const TINT_MS = 2500;

export interface ListState {
  /** The rows that are shown, in their order. */
  rows: readonly Row[];
  /** The number of new rows, and of rows with a new place, that are held back until the reader requests them. */
  fresh: number;
  /** When a row changed its status or phase, by id: milliseconds as `performance.now()` counts them. */
  changed: ReadonlyMap<string, number>;
  /** The ids of shown rows that no longer match. */
  leaving: ReadonlySet<string>;
  /** The number of verifications that match, or null while it is unknown. */
  total: number | null;
  hasMore: boolean;
  loading: boolean;
  error: GatewayError | null;
}

/** Whether a row comes before another one. The gateway sends instants in one fixed format in UTC, so that they can be compared as texts. */
function precedes(order: Order, row: Row, other: Row) {
  const key = ({ id, createdAt, updatedAt }: Row) => (order.startsWith("CREATED") ? createdAt : updatedAt) + id;
  return order.endsWith("OLDEST") ? key(row) < key(other) : key(row) > key(other);
}

/** Follows the verifications that match a filter. Create one for each filter and order, and `close` it. */
export class LiveList {
  #followed: FollowedList | null = null;
  #shown: readonly Row[] = [];
  /** The rows as they are in the gateway, in their order there, and by their ids. */
  #order: readonly Row[] = [];
  #current = new Map<string, Row>();
  #hidden = new Set<string>();
  /** The ids of rows that have another place in the gateway's order now. They stay at their former place until the reader requests the new ones. */
  #moved = new Set<string>();
  #leaving = new Map<string, Row>();
  #leavingIds: ReadonlySet<string> = new Set();
  #changed = new Map<string, number>();
  /** Whether `#shown` has to be computed again. */
  #isOutdated = false;
  /** The number of rows to read before they replace those that are shown, so that the reader keeps the place. */
  #wanted = 0;
  #publishedAt = 0;
  #loadingMore = false;
  #isRead = false;
  #hasMore = false;
  #total: number | null = null;
  #error: GatewayError | null = null;
  #publishing: ReturnType<typeof setTimeout> | undefined;
  #listeners = new Set<() => void>();
  #state: ListState;
  /** Called with each row whose status or phase changed, so that a screen reader can announce it. */
  onChange: ((row: Row) => void) | null = null;

  /** `former`: a list with the same filter and order, whose connection has ended. Its rows are shown until they are read again. */
  constructor(readonly gateway: Gateway, readonly filter: VerificationFilter, readonly order: Order, former: LiveList | null = null) {
    if (former) {
      this.#shown = former.#shown;
      this.#total = former.#total;
      this.#wanted = former.#isRead ? former.#order.length : former.#wanted;
    }
    this.#state = this.#snapshot();
    this.#follow();
  }

  get state() { return this.#state; }

  listen = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** Reads the next page, unless one is being read. */
  async more() {
    if (this.#loadingMore || !this.#hasMore || !this.#isRead || !this.#followed) return;
    this.#loadingMore = true;
    this.#publish();
    await this.#followed.loadMore();
    this.#loadingMore = false;
    this.#publish();
  }

  /** Shows the new rows that are held back. */
  show() {
    this.#hidden.clear();
    this.#moved.clear();
    this.#isOutdated = true;
    this.#publish(true);
  }

  /** Removes the rows that no longer match, except the row `keep`, which the reader has selected. */
  sweep(keep: string | null) {
    const kept = keep === null ? undefined : this.#leaving.get(keep);
    if (this.#leaving.size === (kept ? 1 : 0)) return;
    this.#leaving.clear();
    if (kept) this.#leaving.set(kept.id, kept);
    this.#isOutdated = true;
    this.#publish();
  }

  /** Follows the list again after an error has ended it. */
  restart() {
    this.#followed?.stop();
    this.#error = null;
    this.#wanted = this.#isRead ? this.#order.length : this.#wanted;
    this.#isRead = false;
    this.#publish();
    this.#follow();
  }

  close() {
    this.#followed?.stop();
    clearTimeout(this.#publishing);
    this.#listeners.clear();
  }

  #follow() {
    this.#followed = this.gateway.client.followList<Row>(this.filter, {
      orderBy: this.order,
      pageSize: PAGE,
      documents: { list: BoardList, feed: BoardFeed },
      onChange: (change) => this.#apply(change),
      onError: (error) => {
        this.gateway.check(error);
        this.#error = error;
        this.#publish();
      },
    });
  }

  #apply({ rows, count, hasMore, appeared, changed, left }: ListChange<Row>) {
    this.#total = count;
    this.#hasMore = hasMore;
    if (!this.#isRead) return this.#begin(rows);
    const lowest = this.#order.at(-1);
    for (const row of appeared) {
      // A row that appears above the lowest loaded row is new, so it is held back. A row below it was read by `more`, and is shown at once.
      if (!this.#leaving.delete(row.id) && lowest && precedes(this.order, row, lowest)) this.#hidden.add(row.id);
      this.#current.set(row.id, row);
    }
    for (const row of changed) this.#replace(row);
    for (const row of left) {
      this.#current.delete(row.id);
      this.#moved.delete(row.id);
      if (!this.#hidden.delete(row.id)) this.#leaving.set(row.id, row);
    }
    this.#order = rows;
    this.#isOutdated = true;
    this.#publish();
  }

  /** Shows the rows that were read at first. If the reader had more rows before, further pages are read until there are as many. */
  #begin(rows: readonly Row[]) {
    if (rows.length < this.#wanted && this.#hasMore) return void this.#followed?.loadMore();
    this.#isRead = true;
    this.#order = rows;
    this.#current = new Map(rows.map((row) => [row.id, row]));
    this.#hidden.clear();
    this.#moved.clear();
    this.#leaving.clear();
    this.#isOutdated = true;
    this.#publish();
  }

  #replace(row: Row) {
    const before = this.#current.get(row.id);
    this.#current.set(row.id, row);
    if (this.#hidden.has(row.id)) return;
    if (this.order.startsWith("UPDATED") && this.#shown[0]?.id !== row.id) this.#moved.add(row.id);
    if (before?.status === row.status && before.phase === row.phase) return;
    this.#changed.set(row.id, performance.now());
    this.onChange?.(row);
  }

  /** The row that stays at the place where it is shown, although it has another place in the gateway's order, or none. */
  #kept = ({ id }: Row) => this.#leaving.get(id) ?? (this.#moved.has(id) ? this.#current.get(id) : undefined);

  /** Computes the rows to show: those of the gateway that are not held back, and the rows that stay where they are shown. */
  #arrange() {
    if (this.#moved.size > 0) {
      // A row that has changed before it was shown for the first time is shown at its new place.
      const shown = new Set(this.#shown.map(({ id }) => id));
      for (const id of this.#moved) if (!shown.has(id)) this.#moved.delete(id);
    }
    const rows = this.#hidden.size + this.#moved.size === 0 ? this.#order : this.#order.filter(({ id }) => !this.#hidden.has(id) && !this.#moved.has(id));
    this.#isOutdated = false;
    this.#leavingIds = new Set(this.#leaving.keys());
    if (this.#leaving.size + this.#moved.size === 0) {
      this.#shown = rows;
      return;
    }
    const following = new Map<string | null, Row[]>();
    let previous: string | null = null;
    for (const row of this.#shown) {
      const kept = this.#kept(row);
      if (!kept) previous = this.#current.has(row.id) ? row.id : previous;
      else if (following.get(previous)?.push(kept) === undefined) following.set(previous, [kept]);
    }
    const shown = [...(following.get(null) ?? [])];
    for (const row of rows) {
      shown.push(row);
      for (const kept of following.get(row.id) ?? []) shown.push(kept);
    }
    this.#shown = shown;
  }

  /** Calls the listeners with all changes together. `now`: without a delay. */
  #publish(now = false) {
    if (now) {
      clearTimeout(this.#publishing);
      this.#publishing = undefined;
    }
    const wait = now ? 0 : this.#publishedAt + PUBLISH_EVERY_MS - performance.now();
    this.#publishing ??= setTimeout(() => {
      this.#publishing = undefined;
      this.#publishedAt = performance.now();
      const outdated = this.#publishedAt - TINT_MS;
      for (const [id, at] of this.#changed) if (at < outdated) this.#changed.delete(id);
      if (this.#isOutdated) this.#arrange();
      this.#state = this.#snapshot();
      for (const listener of this.#listeners) listener();
    }, wait);
  }

  #snapshot(): ListState {
    return {
      rows: this.#shown,
      fresh: this.#hidden.size + this.#moved.size,
      changed: new Map(this.#changed),
      leaving: this.#leavingIds,
      total: this.#total,
      hasMore: this.#hasMore,
      loading: !this.#error && (!this.#isRead || this.#loadingMore),
      error: this.#error,
    };
  }
}
