import { stopping } from "./abort.js";
import type { SharedConnection } from "./connection.js";
import type { TypedDocument } from "./document.js";
import { GatewayError, type ResponseError } from "./errors.js";
import { FollowVerification, type FollowVerificationResult } from "./generated.js";
import type { Message } from "./transport.js";
import { type Ending, keepSubscribed, type Source } from "./subscription.js";

/** What the result of a subscription must contain, so that a verification can be followed with it. */
export interface FollowedResult {
  readonly verificationUpdated: {
    readonly cursor: string;
    readonly verification: { readonly id: string; readonly attempt: number; readonly version: number };
    readonly events: readonly { readonly version: number }[];
  };
}

type StateOf<Result extends FollowedResult> = Result["verificationUpdated"]["verification"];
type EventOf<Result extends FollowedResult> = Result["verificationUpdated"]["events"][number];

/** A new state of a followed verification. */
export interface VerificationChange<Result extends FollowedResult = FollowVerificationResult> {
  /** The state to show: that of the newest attempt. */
  readonly verification: StateOf<Result>;
  /** The attempt that has changed: `verification`, or an earlier attempt. */
  readonly changed: StateOf<Result>;
  /** The events of `changed` since its last change, each delivered once. */
  readonly events: readonly EventOf<Result>[];
  /** The position of this change. Pass it as `FollowOptions.cursor` to resume after this change. */
  readonly cursor: string;
  /**
   * Whether the gateway could not resume, for example because its database was restored from a backup. If so, this change shows the present state,
   * and the events before it may differ from those that the app received.
   */
  readonly restarted: boolean;
  /** The errors of single fields, such as FORBIDDEN; empty if the document selects only what the caller may read. */
  readonly errors: readonly ResponseError[];
}

export interface FollowOptions<Result extends FollowedResult = FollowVerificationResult> {
  /** Whether to follow later attempts too, until the newest one is verified. */
  readonly followRetries?: boolean;
  /** The cursor of the last change that the app has received, to resume after it. */
  readonly cursor?: string;
  /** The last version that the app has received; 0 for all events. Not together with `cursor`. */
  readonly after?: number;
  /** A subscription to use instead of `FollowVerification`, to select other fields. It must have the same variables, and can have further ones. */
  readonly document?: TypedDocument<Result, never>;
  /** The values of the further variables. */
  readonly variables?: object;
  /** Ends the following when it is aborted. */
  readonly signal?: AbortSignal;
  onChange(change: VerificationChange<Result>): void;
  /** Called once, if the following failed for good: the id does not exist, or the gateway refuses the tokens. */
  onError?(error: GatewayError): void;
  /** Called once, when the following has ended in any way. */
  onEnd?(ending: Ending): void;
}

/** A verification that is being followed. */
export interface FollowedVerification<Result extends FollowedResult = FollowVerificationResult> {
  /** The last change; undefined before the first one. */
  readonly current: VerificationChange<Result> | undefined;
  /** Fulfilled when the following has ended. Never rejected. */
  readonly ended: Promise<Ending>;
  /** End the following. `onChange` is not called any more. */
  stop(): void;
}

export function followVerification<Result extends FollowedResult>(
  connection: SharedConnection,
  id: string,
  options: FollowOptions<Result>,
  closed: AbortSignal,
): FollowedVerification<Result> {
  const changes = new Changes(id, options);
  const stopped = stopping(closed, options.signal);
  const ended = keepSubscribed(connection, changes, stopped.signal).then((ending) => {
    stopped.abort();
    report(options, ending);
    return ending;
  });
  return {
    get current() {
      return changes.current;
    },
    ended,
    stop: () => stopped.abort(),
  };
}

/** Report the end to the app: call its `onError` if the following failed, and then its `onEnd`. */
export function report({ onError, onEnd }: Pick<FollowOptions, "onError" | "onEnd">, ending: Ending): void {
  if (ending.reason === "failed") isolated(() => onError?.(ending.error));
  isolated(() => onEnd?.(ending));
}

/** Call a function of the app. An error that it throws is reported like any uncaught error, and does not end the following. */
export function isolated(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Turns the messages of the subscription into changes for the app, without repetitions. */
class Changes<Result extends FollowedResult> implements Source {
  current: VerificationChange<Result> | undefined;
  #cursor: string | undefined;
  #restarted = false;
  /** The last delivered version of each attempt. */
  readonly #versions = new Map<string, number>();
  readonly #id: string;
  readonly #options: FollowOptions<Result>;

  constructor(id: string, options: FollowOptions<Result>) {
    this.#id = id;
    this.#options = options;
    this.#cursor = options.cursor;
  }

  get operation() {
    const cursor = this.#cursor;
    const { followRetries = false, after, document = FollowVerification, variables } = this.#options;
    return { query: document, variables: { ...variables, id: this.#id, followRetries, cursor, after: cursor || this.#restarted ? undefined : after } };
  }

  next({ data, errors = [] }: Message): void {
    const { cursor, verification: changed, events } = (data as Result).verificationUpdated;
    this.#cursor = cursor;
    const seen = this.#versions.get(changed.id);
    const later = events.filter(({ version }) => version > (seen ?? -1)) as EventOf<Result>[];
    // After a reconnect, the first message can repeat a state that was delivered already.
    if (seen !== undefined && !later.length && changed.version <= seen) return;
    this.#versions.set(changed.id, changed.version);
    const newest = this.current?.verification;
    const verification = newest && newest.attempt > changed.attempt && !this.#restarted ? newest : (changed as StateOf<Result>);
    const change = { verification, changed: changed as StateOf<Result>, events: later, cursor, restarted: this.#restarted, errors };
    this.#restarted = false;
    this.current = change;
    isolated(() => this.#options.onChange(change));
  }

  restart(): boolean {
    if (!this.#cursor && (this.#options.after === undefined || this.#restarted)) return false;
    this.#cursor = undefined;
    this.#restarted = true;
    this.#versions.clear();
    return true;
  }
}
