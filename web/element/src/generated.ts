// Generated from schema/schema.graphql and operations.graphql by `npm run generate`. Do not edit.

import type { TypedDocument, VerificationPhase, VerificationStatus } from "@verification-gateway/client";

export type { VerificationPhase, VerificationStatus };

/** One attempt at verifying a person's identity by video. A retry is a new verification in the same chain. */
export type ShownReasons = {
  /** The status. PENDING can change; the other statuses are final, with one exception: if the gateway concluded INCONCLUSIVE because a deadline passed (the actor of the event STATUS_CHANGED is SYSTEM), the provider's verdict replaces that outcome. */
  readonly status: VerificationStatus;
  /** Why the verification failed or could not be completed, in the provider's order; empty otherwise. Without `verification:sensitive`, internal reasons are left out, and the advice of every reason of a failure is OFFER_ALTERNATIVE. */
  readonly reasons: readonly ({
    /** What to say to the individual, in the second person: what happened, and what to do better. Null for internal and unknown codes. The text does not say whether the individual may retry. */
    readonly guidance: string | null;
  })[];
};

export type FollowShownResult = {
  /** Follow one verification. The first message contains the current state; each later message contains the state after a change, and the events since the previous message. The subscription completes after the message with a final status. With `followRetries`, each message belongs to one attempt, and the subscription completes once the newest attempt is verified. If it is resumed with `cursor`, the first message belongs to the newest attempt; messages of the other attempts follow if they have new events. After an outcome by SYSTEM, the provider's outcome may still follow: resume with `cursor` to receive it. Needs `verification:follow` or `verification:read`. */
  readonly verificationUpdated: {
    /** The cursor of this message. Pass it as `cursor` to resume the subscription after this message. It holds which version of each attempt was sent, and has at most 2,048 characters. */
    readonly cursor: string;
    /** The current state. With `followRetries`, its `id` and `attempt` show to which attempt the message belongs. */
    readonly verification: ShownReasons & {
      /** The id, unique across all types. */
      readonly id: string;
      /** The number of this attempt in its chain, starting with 1. */
      readonly attempt: number;
      /** The number of events so far. Ignore a state that arrives with a lower version than one you already have. */
      readonly version: number;
      /** How far the verification has come, in more detail than the status. Use the phase to show progress to a waiting person. */
      readonly phase: VerificationPhase;
      /** The URL at which the individual is verified. It can lead through the gateway, which then records that the individual opened it. Null until the provider has accepted the verification (see the event `PROVIDER_STARTED`), and once the status is final. */
      readonly verificationUrl: string | null;
      /** The URL to which the individual is redirected after the verification. */
      readonly redirectionUrl: string;
      /** The deadline for the recording: if it is not complete by then, the verification becomes inconclusive. */
      readonly expiresAt: string;
      /** The deadline to begin the recording: if it has not begun by then, the verification becomes inconclusive. Null unless the phase is IN_SESSION. */
      readonly linkExpiresAt: string | null;
      /** When the verification got its present outcome; null while it is pending. A verdict that replaces an outcome of the gateway moves this instant. */
      readonly completedAt: string | null;
      /** The previous attempt of the chain; null for the first attempt. */
      readonly previousAttempt: ShownReasons | null;
    };
    /** The events since the previous message, oldest first. The first message contains the events after `cursor` or `after`, or no events if both were omitted. Events that this release of the gateway can't represent are left out. */
    readonly events: readonly ({
      /** The number of the event: 1, 2, 3… If this release can't represent an event that a newer release recorded, its number is missing. */
      readonly version: number;
    })[];
  };
};

export type FollowShownVariables = {
  readonly id: string;
  readonly after?: number | null;
  readonly cursor?: string | null;
  readonly followRetries?: boolean;
  readonly locale: string;
};

export const FollowShown = "subscription FollowShown($id:ID!$after:Int$cursor:String$followRetries:Boolean!=false$locale:String!){verificationUpdated(id:$id after:$after cursor:$cursor followRetries:$followRetries){cursor verification{id attempt version phase verificationUrl redirectionUrl expiresAt linkExpiresAt completedAt ...ShownReasons previousAttempt{...ShownReasons}}events{version}}}fragment ShownReasons on Verification{status reasons{guidance(locale:$locale)}}" as TypedDocument<FollowShownResult, FollowShownVariables>;
