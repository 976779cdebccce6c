import { stopping, whenAborted } from "./abort.js";
import { backoff, type SharedConnection } from "./connection.js";
import type { TypedDocument } from "./document.js";
import { asGatewayError, GatewayError, isTemporary } from "./errors.js";
import { isolated, report } from "./followed_verification.js";
import {
  CountVerifications, type CountVerificationsResult, FollowList, ListVerifications, type VerificationFields, type VerificationFilter, type VerificationOrder,
} from "./generated.js";
import type { Message } from "./transport.js";
import { type ListRow, Rows } from "./rows.js";
import { type Ending, keepSubscribed, type Source } from "./subscription.js";

/** Execute an operation once. */
export type Execute = <Result, Variables>(
  document: TypedDocument<Result, Variables>,
  variables: Variables,
  options: { signal: AbortSignal },
) => Promise<{ data: Result }>;

/** What the documents of `FollowListOptions` must select. */
export interface ListResult<Row extends ListRow> {
  readonly verifications: {
    readonly totalCount: number;
    readonly edges: readonly { readonly node: Row }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}
export interface FeedResult<Row extends ListRow> {
  readonly verificationsUpdated: FeedItem<Row>;
}
interface FeedItem<Row extends ListRow> {
  readonly cursor: string;
  readonly matches: boolean | null;
  readonly removedId: string | null;
  readonly verification: Row | null;
}

/** What has changed in a list since the last call of `onChange`. */
export interface ListChange<Row extends ListRow = VerificationFields> {
  /** The loaded rows, in the order of the list. A new array for each change. */
  readonly rows: readonly Row[];
  /** The number of rows of the whole list. */
  readonly count: number;
  /** Whether more rows can be loaded. */
  readonly hasMore: boolean;
  /** Rows that are new among the loaded ones, because they were created, began to match the filter, or were read by `loadMore`. */
  readonly appeared: readonly Row[];
  /** Rows with a new state. */
  readonly changed: readonly Row[];
  /** The last state of rows that were deleted or do not match the filter any more. */
  readonly left: readonly Row[];
}

export interface FollowListOptions<Row extends ListRow = VerificationFields> {
  readonly orderBy?: VerificationOrder;
  /** How many rows are read at first, and by each `loadMore`: 1 to 100. */
  readonly pageSize?: number;
  /** Replace `ListVerifications` and `FollowList`, to select other fields: with the same variables, and with the same fields of a row in both. */
  readonly documents?: { readonly list: TypedDocument<ListResult<Row>, never>; readonly feed: TypedDocument<FeedResult<Row>, never> };
  /** Ends the following when it is aborted. */
  readonly signal?: AbortSignal;
  /** Called when rows have been read, and for all changes of about 16 milliseconds together. */
  onChange(change: ListChange<Row>): void;
  /** Called with the id of every verification that changed, also if its row is not loaded. */
  onItem?(id: string): void;
  /** Called once, if the following failed for good. */
  onError?(error: GatewayError): void;
  /** Called once, when the following has ended in any way. */
  onEnd?(ending: Ending): void;
}

/** A list that is being followed. */
export interface FollowedList {
  /** Read the next page, if `hasMore`. Fulfilled when its rows have been passed to `onChange`. */
  loadMore(): Promise<void>;
  /** Fulfilled when the following has ended. Never rejected. */
  readonly ended: Promise<Ending>;
  /** End the following. `onChange` is not called any more. */
  stop(): void;
}

const PUBLISH_MS = 16;
const COUNT_MS = 2_000;
const MAX_PAGE = 100;

export function followList<Row extends ListRow>(
  connection: SharedConnection,
  execute: Execute,
  filter: VerificationFilter | null,
  options: FollowListOptions<Row>,
  closed: AbortSignal,
): FollowedList {
  const stopped = stopping(closed, options.signal);
  let failed: GatewayError | undefined;
  const fail = (error: GatewayError): void => {
    failed ??= error;
    stopped.abort();
  };
  const list = new List(connection, execute, filter, options, stopped.signal, fail);
  const ended = keepSubscribed(connection, list, stopped.signal).then((ending) => {
    const last: Ending = failed ? { reason: "failed", error: failed } : ending;
    stopped.abort();
    report(options, last);
    return last;
  });
  return { loadMore: () => list.loadMore(), ended, stop: () => stopped.abort() };
}

/** The loaded rows of a list. The feed keeps them current. The rows are read after the feed has begun, so that no change is missed in between. */
class List<Row extends ListRow> implements Source {
  #rows: Rows<Row>;
  #count = 0;
  #cursor: string | undefined;
  #endCursor: string | null = null;
  /** The reads of pages, chained: each begins when the one before it has ended. */
  #reads = Promise.resolve();
  /** Aborted when the gateway can't resume the feed, so that the list is read anew. */
  #reading = new AbortController();
  /** The feed's items since the present read began, by verification. They are applied after the read, whose rows can be older than the items. */
  #meanwhile: Map<string, FeedItem<Row>> | undefined;
  #isRead = false;
  /** The rows that the app has received, and the ids of those that may have changed since then. */
  readonly #delivered = new Map<string, Row>();
  readonly #touched = new Set<string>();
  #publishing: ReturnType<typeof setTimeout> | undefined;
  #counting: ReturnType<typeof setTimeout> | undefined;
  /** Whether rows have changed since the last count began. */
  #isMiscounted = false;

  readonly #connection: SharedConnection;
  readonly #execute: Execute;
  readonly #filter: VerificationFilter | null;
  readonly #options: FollowListOptions<Row>;
  readonly #signal: AbortSignal;
  readonly #fail: (error: GatewayError) => void;
  readonly #order: VerificationOrder;

  constructor(
    connection: SharedConnection,
    execute: Execute,
    filter: VerificationFilter | null,
    options: FollowListOptions<Row>,
    signal: AbortSignal,
    fail: (error: GatewayError) => void,
  ) {
    this.#connection = connection;
    this.#execute = execute;
    this.#filter = filter;
    this.#options = options;
    this.#signal = signal;
    this.#fail = fail;
    this.#order = options.orderBy ?? "CREATED_NEWEST";
    this.#rows = new Rows<Row>(this.#order);
    whenAborted(signal, () => {
      this.#reading.abort();
      clearTimeout(this.#publishing);
      clearTimeout(this.#counting);
    });
  }

  get operation() {
    const query = this.#options.documents?.feed ?? FollowList;
    return { query, variables: { filter: this.#filter, after: this.#cursor } };
  }

  next({ data }: Message): void {
    const item = (data as FeedResult<Row>).verificationsUpdated;
    const begins = !this.#cursor;
    this.#cursor = item.cursor;
    if (begins) void this.#queue(() => this.#read(true));
    const id = item.removedId ?? item.verification?.id;
    if (!id) return;
    isolated(() => this.#options.onItem?.(id));
    this.#meanwhile?.set(id, item);
    if (this.#isRead) this.#apply(id, item);
  }

  restart(): boolean {
    if (!this.#cursor) return false;
    this.#cursor = undefined;
    this.#reading.abort();
    this.#reading = new AbortController();
    return true;
  }

  loadMore(): Promise<void> {
    return this.#queue(async () => {
      if (this.#rows.bound && !this.#signal.aborted) await this.#read(false);
    });
  }

  #queue(read: () => Promise<void>): Promise<void> {
    return (this.#reads = this.#reads.then(read));
  }

  /** Read the next page. If `anew`, read again as many rows as are loaded already, from the start. */
  async #read(anew: boolean): Promise<void> {
    const { signal } = this.#reading;
    const meanwhile = (this.#meanwhile = new Map<string, FeedItem<Row>>());
    const rows = anew ? new Rows<Row>(this.#order) : this.#rows;
    const wanted = anew ? this.#rows.sorted.length : 0;
    const document = (this.#options.documents?.list ?? ListVerifications) as TypedDocument<ListResult<Row>, unknown>;
    let after = anew ? null : this.#endCursor;
    const read: Row[] = [];
    do {
      const first = Math.min(Math.max(wanted - read.length, this.#options.pageSize ?? 50), MAX_PAGE);
      const page = await this.#executed(document, { filter: this.#filter, orderBy: this.#order, first, after }, signal);
      if (!page) return;
      const { edges, pageInfo, totalCount } = page.verifications;
      read.push(...edges.map(({ node }) => node));
      this.#count = totalCount;
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after && read.length < wanted);
    this.#meanwhile = undefined;
    this.#endCursor = after;
    this.#merge(rows, read);
    rows.bound = after ? rows.key(read.at(-1)!) : undefined;
    for (const [id, item] of meanwhile) this.#apply(id, item);
    if (meanwhile.size) this.#countLater();
    this.#deliver();
  }

  /** Execute a query, and repeat it after temporary errors. Returns undefined if the signal is aborted, or after an error that ends the following. */
  async #executed<Result>(document: TypedDocument<Result, unknown>, variables: unknown, signal: AbortSignal): Promise<Result | undefined> {
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        const { data } = await this.#execute(document, variables, { signal });
        return signal.aborted ? undefined : data;
      } catch (thrown) {
        const error = asGatewayError(thrown);
        if (isTemporary(error)) await this.#connection.pause(Math.max(backoff(failures), error.retryAfterMs), signal);
        else this.#fail(error);
      }
    }
    return undefined;
  }

  /** Add rows that were read. `rows`: where to add them: the present rows, or an empty collection that then replaces the present rows. */
  #merge(rows: Rows<Row>, read: readonly Row[]): void {
    for (const row of read) {
      if (row.version > (rows.get(row.id)?.version ?? 0)) rows.put(row);
      this.#touched.add(row.id);
    }
    if (rows !== this.#rows) for (const { id } of this.#rows.sorted) this.#touched.add(id);
    this.#rows = rows;
    this.#isRead = true;
  }

  #apply(id: string, { verification: row, matches }: FeedItem<Row>): void {
    const rows = this.#rows;
    const old = rows.get(id);
    if (row && old && row.version <= old.version) return;
    rows.remove(id);
    if (row && matches && rows.contains(row)) {
      rows.put(row);
      // A row that was not loaded may be new to the list, or may have been counted already. In a list by last change, a row can move up from the part
      // that is not loaded, so it is not counted here. `#countLater` corrects the count in any case.
      if (!old && !/^U/.test(this.#order)) this.#count += 1;
    } else if (old && !matches) this.#count -= 1;
    this.#touched.add(id);
    if (!old || !matches) this.#countLater();
    this.#publish();
  }

  #publish(): void {
    if (this.#isRead) this.#publishing ??= setTimeout(() => this.#deliver(), PUBLISH_MS);
  }

  #deliver(): void {
    const rows = this.#rows;
    const [appeared, changed, left]: [Row[], Row[], Row[]] = [[], [], []];
    for (const id of this.#touched) {
      const [old, row] = [this.#delivered.get(id), rows.get(id)];
      if (row && old?.version !== row.version) (old ? changed : appeared).push(row);
      if (old && !row) left.push(old);
      if (row) this.#delivered.set(id, row);
      else this.#delivered.delete(id);
    }
    this.#touched.clear();
    clearTimeout(this.#publishing);
    this.#publishing = undefined;
    const hasMore = rows.bound !== undefined;
    if (!hasMore) this.#count = rows.sorted.length;
    isolated(() => this.#options.onChange({ rows: rows.sorted.slice(), count: this.#count, hasMore, appeared, changed, left }));
  }

  /** Query the count again, soon. It can't be computed here: if a changed row is not loaded, it is unknown whether it matched before its change. */
  #countLater(): void {
    if (!this.#rows.bound || !this.#isRead) return;
    this.#isMiscounted = true;
    this.#counting ??= setTimeout(() => void this.#recount(), COUNT_MS);
  }

  /** Count the list anew. Only one count runs at a time: otherwise, counts would pile up while the gateway can't be reached. */
  async #recount(): Promise<void> {
    this.#isMiscounted = false;
    const document = CountVerifications as TypedDocument<CountVerificationsResult, unknown>;
    const counted = await this.#executed(document, { filter: this.#filter }, this.#signal);
    if (!counted) return;
    this.#counting = undefined;
    this.#count = counted.verifications.totalCount;
    this.#publish();
    if (this.#isMiscounted) this.#countLater();
  }
}
