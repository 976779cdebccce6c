// Generated from schema/schema.graphql and operations.graphql by `npm run generate`. Do not edit.

import type { TypedDocument } from "./document.js";

/** The party that caused an event. */
export type Actor = "INTEGRATOR" | "INDIVIDUAL" | "PROVIDER" | "SYSTEM";

/** How far the events of a verification were delivered to the integrator's backend. */
export type DeliveryState = "WAITING" | "DELIVERED" | "FAILED";

/** The kind of an identity document. */
export type DocumentType = "DRIVER_LICENSE" | "ID_CARD" | "PASSPORT" | "RESIDENCE_PERMIT" | "TRAVEL_DOCUMENT";

/** The kind of an event in the history of a verification. */
export type EventType = "CREATED" | "PROVIDER_STARTED" | "PROVIDER_LOST" | "LINK_OPENED" | "CAPTURE_STARTED" | "CAPTURE_COMPLETED" | "STATUS_CHANGED" | "DOCUMENT_ADDED" | "RESULT_IGNORED" | "RETRY_CREATED" | "ANONYMIZED";

/** A step that the individual completes on the way to a result. */
export type Progress = "LINK_OPENED" | "CAPTURE_STARTED" | "CAPTURE_COMPLETED";

/** The category of a reason code. */
export type ReasonType = "ENGAGEMENT_ISSUE" | "TECHNICAL_ISSUE" | "DOCUMENT_CAPTURE_ISSUE" | "FACE_CAPTURE_ISSUE" | "OTHER_ISSUE" | "DOCUMENT_ISSUE" | "COPY_ISSUE" | "IDENTITY_FRAUD" | "CONSISTENCY_ISSUE" | "SUSPICIOUS_BEHAVIOR" | "UNKNOWN";

/** What the integrator should do next with a verification. */
export type RecommendedAction = "SHARE_VERIFICATION_URL" | "WAIT" | "CREATE_RETRY" | "ACCEPT_REQUEST" | "REJECT_REQUEST";

/** Why a mutation was refused. */
export type RefusalCode = "NOT_FOUND" | "INVALID_INPUT" | "ILLEGAL_TRANSITION" | "NOT_RETRYABLE" | "NOT_FINAL" | "IDEMPOTENCY_CONFLICT" | "CONFLICT" | "PROVIDER_UNAVAILABLE" | "PROVIDER_REFUSED";

/** Whether a retry can help, and what the individual should change for it. The values are listed from the mildest advice to the strictest. */
export type RetryAdvice = "RETRY_NOW" | "RETRY_OTHER_DEVICE" | "RETRY_OTHER_DOCUMENT" | "OFFER_ALTERNATIVE" | "DO_NOT_RETRY";

/** The order of a list. Verifications with the same instant, to the millisecond, are ordered by id. */
export type VerificationOrder = "CREATED_NEWEST" | "CREATED_OLDEST" | "UPDATED_NEWEST" | "UPDATED_OLDEST";

/** How far a verification has come, in more detail than its status. Use it to show progress to a waiting person. */
export type VerificationPhase = "AWAITING_INDIVIDUAL" | "IN_SESSION" | "CAPTURING" | "PROCESSING" | "DONE";

/** The status of a verification. Only PENDING can change, and an INCONCLUSIVE that the gateway concluded by itself. */
export type VerificationStatus = "PENDING" | "INCONCLUSIVE" | "VERIFIED" | "FAILED";

/** A verification to close, and the reason for closing it. */
export interface CloseVerificationInput {
  /** The id of the verification. */
  readonly verificationId: string;
  /** Why the verification is closed, for support staff: at most 255 characters, not counting leading and trailing spaces. Line breaks and tabs become spaces, and a blank text is no note. The text is stored encrypted, is shown as the event's `note` with `verification:sensitive`, and is removed when the verification is anonymized. */
  readonly note?: string | null;
}

/** A verification to create. */
export interface CreateVerificationInput {
  /** The given name, as in the identity document: 1 to 255 characters of any script. Spaces at its ends are removed. */
  readonly firstName: string;
  /** The family name, as in the identity document: 1 to 255 characters of any script. Spaces at its ends are removed. */
  readonly lastName: string;
  /** The URL to which the individual is redirected after the verification: http or https, without a user, at most 2,000 characters. */
  readonly redirectionUrl: string;
  /** The company's own identifier for the verification, at most 255 characters. Lists can be filtered by it. */
  readonly reference?: string | null;
  /** Whether to compare the individual's face with the document. */
  readonly faceRecognition?: boolean;
  /** A key that makes it safe to repeat the creation, at most 255 characters. The same key with the same input returns the verification that was created first, in its current state. */
  readonly idempotencyKey?: string | null;
  /** What the provider must insist on, and what it must preselect. Refused if the provider of the workspace is `external`. */
  readonly requirements?: RequirementsInput | null;
  /** The verification that the company itself started at its provider. Required if the provider of the workspace is `external`, refused otherwise. */
  readonly external?: ExternalProviderInput | null;
}

/** A verification that the company itself started, at a provider that the gateway does not call. */
export interface ExternalProviderInput {
  /** The URL at which the provider verifies the individual: http or https, at most 2,000 characters. */
  readonly verificationUrl: string;
  /** The provider's own id for the verification, at most 255 characters. No other verification of the workspace may have it. */
  readonly id?: string | null;
}

/** The data that the provider read from the identity document. A value that can't be used is repaired or left out, and the result is recorded all the same. The `note` of the event that records the result names each such field. */
export interface ExtractedDocumentInput {
  /** The full name of the person, at most 510 characters. */
  readonly fullName?: string | null;
  /** The date of birth, as YYYY-MM-DD, not in the future. */
  readonly bornOn?: string | null;
  /** The kind of the document. */
  readonly type?: DocumentType | null;
  /** The issuing country, as a code of ISO 3166-1 or ICAO 9303, such as FR, FRA or D. */
  readonly issuingCountryCode?: string | null;
  /** The national identification number of the person, at most 510 characters. */
  readonly nationalIdentificationNumber?: string | null;
}

/** A step of the individual, as reported by the provider. */
export interface ReportProgressInput {
  /** The id of the verification. */
  readonly verificationId: string;
  /** The step. Earlier steps that were not reported are recorded together with it. */
  readonly progress: Progress;
  /** The provider's id of this event, at most 255 characters. An event that was already recorded changes nothing. */
  readonly eventId?: string | null;
}

/** A result, as reported by the provider. */
export interface ReportResultInput {
  /** The id of the verification. */
  readonly verificationId: string;
  /** The final status. PENDING is not accepted. */
  readonly status: VerificationStatus;
  /** The reasons: at least one code if the status is FAILED or INCONCLUSIVE, none if it is VERIFIED. Codes that are not in the catalogue are accepted. */
  readonly reasonCodes?: readonly string[];
  /** The data read from the identity document. */
  readonly extractedDocument?: ExtractedDocumentInput | null;
  /** The provider's id of this event, at most 255 characters. An event that was already recorded changes nothing. */
  readonly eventId?: string | null;
}

/** What the provider must insist on, and what it must choose for the individual beforehand. The sandbox ignores requirements. */
export interface RequirementsInput {
  /** The lowest age in years that the document must show, 1 to 150. */
  readonly minAge?: number | null;
  /** The highest age in years that the document may show, 1 to 150. */
  readonly maxAge?: number | null;
  /** The countries whose documents are not accepted, as ISO 3166-1 codes of two letters such as FR. */
  readonly prohibitedCountries?: readonly string[] | null;
  /** The kind of document that is preselected for the individual. */
  readonly documentType?: DocumentType | null;
  /** The issuing country that is preselected for the individual, as an ISO 3166-1 code of two letters. */
  readonly documentCountry?: string | null;
  /** The country of residence that is preselected for the individual, as an ISO 3166-1 code of two letters. */
  readonly residenceCountry?: string | null;
  /** The language of the provider's pages, as an ISO 639-1 code such as fr. */
  readonly locale?: string | null;
}

/** A retry of an inconclusive or failed verification. Omitted names and an omitted redirection URL are copied from that verification. */
export interface RetryVerificationInput {
  /** The id of the attempt to retry. */
  readonly verificationId: string;
  /** The URL to which the individual is redirected after the retry. */
  readonly redirectionUrl?: string | null;
  /** The given name. Required if the attempt was anonymized. */
  readonly firstName?: string | null;
  /** The family name. Required if the attempt was anonymized. */
  readonly lastName?: string | null;
  /** The retry that the company itself started at its provider. Required if the provider of the workspace is `external`, refused otherwise. */
  readonly external?: ExternalProviderInput | null;
}

/** The conditions that select verifications. A verification must meet all conditions that are not null. No verification meets an empty list. No condition is relative to the current time, so a verification never begins or ceases to match unless it changes. */
export interface VerificationFilter {
  /** The verification has one of these statuses. */
  readonly status?: readonly VerificationStatus[] | null;
  /** At least one reason of the verification has one of these codes. At most 50 codes are accepted. */
  readonly reasonCode?: readonly string[] | null;
  /** At least one reason of the verification has one of these types. */
  readonly reasonType?: readonly ReasonType[] | null;
  /** The verification has exactly this reference. */
  readonly reference?: string | null;
  /** The verification was created at this instant or later. */
  readonly createdAfter?: string | null;
  /** The verification was created before this instant. */
  readonly createdBefore?: string | null;
  /** The last change of the verification was at this instant or later. */
  readonly updatedAfter?: string | null;
  /** The last change of the verification was before this instant. */
  readonly updatedBefore?: string | null;
  /** The verification has an outcome, which was reached at this instant or later: see `completedAt`. */
  readonly completedAfter?: string | null;
  /** The verification has an outcome, which was reached before this instant: see `completedAt`. */
  readonly completedBefore?: string | null;
  /** The verification is in one of these phases. Those that have been with the provider for too long: `phase: [PROCESSING]` with `updatedBefore`. */
  readonly phase?: readonly VerificationPhase[] | null;
  /** If true, retries are excluded. */
  readonly firstAttemptsOnly?: boolean | null;
  /** If true, only verifications with a result that did not change the status (event `RESULT_IGNORED`); if false, only verifications without one. */
  readonly hasIgnoredResults?: boolean | null;
  /** The provider's own id of the verification is exactly this one. */
  readonly providerId?: string | null;
}

/** One attempt at verifying a person's identity by video. A retry is a new verification in the same chain. */
export type VerificationFields = {
  /** The id, unique across all types. */
  readonly id: string;
  /** The company's own identifier for the verification. Always null with a follow token. */
  readonly reference: string | null;
  /** The status. PENDING can change; the other statuses are final, with one exception: if the gateway concluded INCONCLUSIVE because a deadline passed (the actor of the event STATUS_CHANGED is SYSTEM), the provider's verdict replaces that outcome. */
  readonly status: VerificationStatus;
  /** How far the verification has come, in more detail than the status. Use the phase to show progress to a waiting person. */
  readonly phase: VerificationPhase;
  /** What the integrator should do next. */
  readonly recommendedAction: RecommendedAction;
  /** Whether a retry can help, and what the individual should change for it: one advice over all reasons, the strictest. Null while the verification is pending, and once it is verified. Without `verification:sensitive`: OFFER_ALTERNATIVE if the verification failed, otherwise the advice of the reasons that are not internal. */
  readonly retryAdvice: RetryAdvice | null;
  /** Whether the verification can be retried with `retryVerification` and has not been retried yet. */
  readonly canRetry: boolean;
  /** The number of this attempt in its chain, starting with 1. */
  readonly attempt: number;
  /** The number of events so far. Ignore a state that arrives with a lower version than one you already have. */
  readonly version: number;
  /** The URL at which the individual is verified. It can lead through the gateway, which then records that the individual opened it. Null until the provider has accepted the verification (see the event `PROVIDER_STARTED`), and once the status is final. */
  readonly verificationUrl: string | null;
  /** The URL to which the individual is redirected after the verification. */
  readonly redirectionUrl: string;
  /** When the verification was created. */
  readonly createdAt: string;
  /** When the last event was recorded. */
  readonly updatedAt: string;
  /** The deadline for the recording: if it is not complete by then, the verification becomes inconclusive. */
  readonly expiresAt: string;
  /** When the individual opened the link for the first time; null before that. */
  readonly openedAt: string | null;
  /** The deadline to begin the recording: if it has not begun by then, the verification becomes inconclusive. Null unless the phase is IN_SESSION. */
  readonly linkExpiresAt: string | null;
  /** When the verification got its present outcome; null while it is pending. A verdict that replaces an outcome of the gateway moves this instant. */
  readonly completedAt: string | null;
  /** When the personal data were permanently removed; null before that. */
  readonly anonymizedAt: string | null;
  /** Why the verification failed or could not be completed, in the provider's order; empty otherwise. Without `verification:sensitive`, internal reasons are left out, and the advice of every reason of a failure is OFFER_ALTERNATIVE. */
  readonly reasons: readonly ({
    /** The provider's code, such as IDVV_1101. */
    readonly code: string;
    /** The category of the code. */
    readonly type: ReasonType;
    /** What happened, in one sentence. */
    readonly description: string;
    /** Whether a retry can help, and what the individual should change for it. Inside a verification, it also depends on the outcome and on the caller: see `reasons`. */
    readonly retryAdvice: RetryAdvice;
  })[];
};

/** One entry of a verification's history. */
export type EventFields = {
  /** The number of the event: 1, 2, 3… If this release can't represent an event that a newer release recorded, its number is missing. */
  readonly version: number;
  /** The kind of the event. */
  readonly type: EventType;
  /** The party that caused the event. Always PROVIDER with a follow token if the event is `RESULT_IGNORED`. Without `verification:sensitive`, the actor of a result is decided by the reasons that are not internal. */
  readonly actor: Actor;
  /** When the event was recorded. */
  readonly at: string;
  /** The status before the event; null if the event is not about the status. Empty or null with a follow token if the event is `RESULT_IGNORED`. */
  readonly fromStatus: VerificationStatus | null;
  /** The status after the event, or the status of an ignored result; null if the event is not about the status. Empty or null with a follow token if the event is `RESULT_IGNORED`. */
  readonly toStatus: VerificationStatus | null;
  /** Additional information for support staff: a note of the gateway, or the text that was written when the verification was closed. Always null with a follow token. The text written when the verification was closed is null without `verification:sensitive`. */
  readonly note: string | null;
  /** The reasons that were reported with the event. Empty or null with a follow token if the event is `RESULT_IGNORED`. Without `verification:sensitive`, internal reasons are left out, and the advice of every reason of a failure is OFFER_ALTERNATIVE. */
  readonly reasons: readonly ({
    /** The provider's code, such as IDVV_1101. */
    readonly code: string;
    /** What happened, in one sentence. */
    readonly description: string;
  })[];
};

export type FollowVerificationResult = {
  /** Follow one verification. The first message contains the current state; each later message contains the state after a change, and the events since the previous message. The subscription completes after the message with a final status. With `followRetries`, each message belongs to one attempt, and the subscription completes once the newest attempt is verified. If it is resumed with `cursor`, the first message belongs to the newest attempt; messages of the other attempts follow if they have new events. After an outcome by SYSTEM, the provider's outcome may still follow: resume with `cursor` to receive it. Needs `verification:follow` or `verification:read`. */
  readonly verificationUpdated: {
    /** The cursor of this message. Pass it as `cursor` to resume the subscription after this message. It holds which version of each attempt was sent, and has at most 2,048 characters. */
    readonly cursor: string;
    /** The current state. With `followRetries`, its `id` and `attempt` show to which attempt the message belongs. */
    readonly verification: VerificationFields;
    /** The events since the previous message, oldest first. The first message contains the events after `cursor` or `after`, or no events if both were omitted. Events that this release of the gateway can't represent are left out. */
    readonly events: readonly EventFields[];
  };
};

export type FollowVerificationVariables = {
  readonly id: string;
  readonly after?: number | null;
  readonly cursor?: string | null;
  readonly followRetries?: boolean;
};

export const FollowVerification = "subscription FollowVerification($id:ID!$after:Int$cursor:String$followRetries:Boolean!=false){verificationUpdated(id:$id after:$after cursor:$cursor followRetries:$followRetries){cursor verification{...VerificationFields}events{...EventFields}}}fragment VerificationFields on Verification{id reference status phase recommendedAction retryAdvice canRetry attempt version verificationUrl redirectionUrl createdAt updatedAt expiresAt openedAt linkExpiresAt completedAt anonymizedAt reasons{code type description retryAdvice}}fragment EventFields on VerificationEvent{version type actor at fromStatus toStatus note reasons{code description}}" as TypedDocument<FollowVerificationResult, FollowVerificationVariables>;

export type FollowListResult = {
  /** Follow the verifications of the workspace. Each changed verification is sent if it matches the filter, or if it matched before the change. In the second case, `matches` is false: remove it from your list. Also remove the verification with `removedId`, if there is one. The first item contains only a cursor. To miss no change, receive that item first, then read the list, then apply the items that follow. After a resumption, the same state may be sent twice: ignore an item whose `id` and `version` you already have. Needs `verification:read`. */
  readonly verificationsUpdated: {
    /** The cursor of this item. Pass it as `after` to resume the subscription after this item. */
    readonly cursor: string;
    /** Whether the verification matches the filter now. If it is false, the verification matched before the change: remove it from your list. Null if `verification` is null. */
    readonly matches: boolean | null;
    /** The id of a verification that the gateway deleted: remove it from your list if you have it. `verification` is null then. */
    readonly removedId: string | null;
    /** The state after the change; null if the item contains only a cursor. */
    readonly verification: VerificationFields | null;
  };
};

export type FollowListVariables = {
  readonly filter?: VerificationFilter | null;
  readonly after?: string | null;
};

export const FollowList = "subscription FollowList($filter:VerificationFilter$after:String){verificationsUpdated(filter:$filter after:$after){cursor matches removedId verification{...VerificationFields}}}fragment VerificationFields on Verification{id reference status phase recommendedAction retryAdvice canRetry attempt version verificationUrl redirectionUrl createdAt updatedAt expiresAt openedAt linkExpiresAt completedAt anonymizedAt reasons{code type description retryAdvice}}" as TypedDocument<FollowListResult, FollowListVariables>;

export type ListVerificationsResult = {
  /** A page of the workspace's verifications. Verifications may be written while you page through the list: rows that keep their position are neither skipped nor repeated. Needs `verification:read`. */
  readonly verifications: {
    /** The number of verifications in the whole list, over all pages. Counted only if this field is selected. */
    readonly totalCount: number;
    /** The rows of the page. */
    readonly edges: readonly ({
      /** The verification. */
      readonly node: VerificationFields;
    })[];
    /** The position of the page in its list. */
    readonly pageInfo: {
      /** Whether rows follow this page. Always true if `before` is given, since the row of that cursor follows the page. */
      readonly hasNextPage: boolean;
      /** The cursor of the last row; null for an empty page. */
      readonly endCursor: string | null;
    };
  };
};

export type ListVerificationsVariables = {
  readonly filter?: VerificationFilter | null;
  readonly orderBy?: VerificationOrder;
  readonly first?: number | null;
  readonly after?: string | null;
};

export const ListVerifications = "query ListVerifications($filter:VerificationFilter$orderBy:VerificationOrder!=CREATED_NEWEST$first:Int$after:String){verifications(filter:$filter orderBy:$orderBy first:$first after:$after){totalCount edges{node{...VerificationFields}}pageInfo{hasNextPage endCursor}}}fragment VerificationFields on Verification{id reference status phase recommendedAction retryAdvice canRetry attempt version verificationUrl redirectionUrl createdAt updatedAt expiresAt openedAt linkExpiresAt completedAt anonymizedAt reasons{code type description retryAdvice}}" as TypedDocument<ListVerificationsResult, ListVerificationsVariables>;

export type CountVerificationsResult = {
  /** A page of the workspace's verifications. Verifications may be written while you page through the list: rows that keep their position are neither skipped nor repeated. Needs `verification:read`. */
  readonly verifications: {
    /** The number of verifications in the whole list, over all pages. Counted only if this field is selected. */
    readonly totalCount: number;
  };
};

export type CountVerificationsVariables = {
  readonly filter?: VerificationFilter | null;
};

export const CountVerifications = "query CountVerifications($filter:VerificationFilter){verifications(filter:$filter first:1){totalCount}}" as TypedDocument<CountVerificationsResult, CountVerificationsVariables>;
