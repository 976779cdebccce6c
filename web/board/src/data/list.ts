/**
 * The live list of the board. The client package keeps the rows as they are in the gateway. This list decides which of them the reader sees: new rows
 * are held back until the reader requests them, and rows that no longer match stay until their removal moves nothing that the reader looks at.
 */

import { type FollowedList, GatewayError, type ListChange } from "@verification-gateway/client";
import type { Gateway } from "./gateway";
import { BoardFeed, BoardList, type VerificationFilter } from "./generated";
import type { Order, Row } from "./model";

const PAGE = 50;
const PUBLISH_EVERY_MS = 100;
// How long a changed row shows the colour of its new status.
const TINT_MS = 2500;

export interface ListState {
  /** The rows that are shown, in their order. */
  rows: readonly Row[];
  /** The number of new rows that are held back until the reader requests them. */
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

/** Follows the verifications that match a filter. Create one for each filter and order, and `close` it. */
export class LiveList {
  #followed: FollowedList | null = null;
  #shown: Row[] = [];
  #current = new Map<string, Row>();
  #order: Row[] = [];
  #hidden = new Set<string>();
  #leaving = new Map<string, Row>();
  #changed = new Map<string, number>();
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

  constructor(readonly gateway: Gateway, readonly filter: VerificationFilter, readonly order: Order) {
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
    if (this.#loadingMore || !this.#hasMore || !this.#followed) return;
    this.#loadingMore = true;
    this.#publish();
    await this.#followed.loadMore();
    this.#loadingMore = false;
    this.#publish();
  }

  /** Shows the new rows that are held back. */
  show() {
    this.#hidden.clear();
    this.#arrange();
    this.#publish(true);
  }

  /** Removes the rows that no longer match, except the row `keep`, which the reader has selected. */
  sweep(keep: string | null) {
    const kept = keep === null ? undefined : this.#leaving.get(keep);
    if (this.#leaving.size === (kept ? 1 : 0)) return;
    this.#leaving.clear();
    if (kept) this.#leaving.set(kept.id, kept);
    this.#arrange();
    this.#publish();
  }

  /** Follows the list again after an error has ended it. */
  restart() {
    this.#followed?.stop();
    this.#error = null;
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
    const lowest = this.#isRead ? this.#order.at(-1) : undefined;
    const places = new Map(rows.map((row, place) => [row.id, place]));
    const lowestPlace = lowest ? (places.get(lowest.id) ?? -1) : -1;
    for (const row of appeared) {
      // A row that appears above the lowest loaded row is new, so it is held back. A row below it was read by `more`, and is shown at once.
      if (this.#isRead && !this.#leaving.delete(row.id) && (places.get(row.id) ?? 0) <= lowestPlace) this.#hidden.add(row.id);
    }
    for (const row of changed) {
      const before = this.#current.get(row.id);
      if (this.#hidden.has(row.id) || (before?.status === row.status && before.phase === row.phase)) continue;
      this.#changed.set(row.id, performance.now());
      this.onChange?.(row);
    }
    for (const row of left) if (!this.#hidden.delete(row.id)) this.#leaving.set(row.id, row);
    this.#order = [...rows];
    this.#current = new Map(rows.map((row) => [row.id, row]));
    this.#total = count;
    this.#hasMore = hasMore;
    this.#isRead = true;
    this.#arrange();
    this.#publish();
  }

  /** Computes the rows to show: those of the gateway that are not held back, and the rows that no longer match, at the places that they had. */
  #arrange() {
    const rows = this.#order.filter(({ id }) => !this.#hidden.has(id));
    if (this.#leaving.size === 0) {
      this.#shown = rows;
      return;
    }
    const before = new Map<string | null, Row[]>();
    let previous: string | null = null;
    for (const row of this.#shown) {
      const leaving = this.#leaving.get(row.id);
      if (leaving) before.set(previous, [...(before.get(previous) ?? []), leaving]);
      else if (this.#current.has(row.id)) previous = row.id;
    }
    this.#shown = [...(before.get(null) ?? []), ...rows.flatMap((row) => [row, ...(before.get(row.id) ?? [])])];
  }

  /** Calls the listeners with all changes together, at most ten times a second. `now`: without that delay. */
  #publish(now = false) {
    this.#publishing ??= setTimeout(() => {
      this.#publishing = undefined;
      const outdated = performance.now() - TINT_MS;
      for (const [id, at] of this.#changed) if (at < outdated) this.#changed.delete(id);
      this.#state = this.#snapshot();
      for (const listener of this.#listeners) listener();
    }, now ? 0 : PUBLISH_EVERY_MS);
  }

  #snapshot(): ListState {
    return {
      rows: this.#shown,
      fresh: this.#hidden.size,
      changed: new Map(this.#changed),
      leaving: new Set(this.#leaving.keys()),
      total: this.#total,
      hasMore: this.#hasMore,
      loading: !this.#error && (!this.#isRead || this.#loadingMore),
      error: this.#error,
    };
  }
}
