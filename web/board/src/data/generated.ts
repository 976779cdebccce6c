// Generated from schema/schema.graphql and operations.graphql by `npm run generate`. Do not edit.

import type { Actor, DeliveryState, DocumentType, EventType, ReasonType, RecommendedAction, RetryAdvice, TypedDocument, VerificationFilter, VerificationOrder, VerificationPhase, VerificationStatus } from "@verification-gateway/client";

export type { Actor, DeliveryState, DocumentType, EventType, ReasonType, RecommendedAction, RetryAdvice, VerificationOrder, VerificationPhase, VerificationStatus, VerificationFilter };

/** A reason for an outcome. The provider may add codes at any time: base decisions on `status`, `type` or `retryAdvice`, not on `code`. */
export type ReasonFields = {
  /** The provider's code, such as IDVV_1101. */
  readonly code: string;
  /** The category of the code. */
  readonly type: ReasonType;
  /** Whether a retry can help, and what the individual should change for it. Inside a verification, it also depends on the outcome and on the caller: see `reasons`. */
  readonly retryAdvice: RetryAdvice;
};

/** One attempt at verifying a person's identity by video. A retry is a new verification in the same chain. */
export type RowFields = {
  /** The id, unique across all types. */
  readonly id: string;
  /** The number of events so far. Ignore a state that arrives with a lower version than one you already have. */
  readonly version: number;
  /** The number of this attempt in its chain, starting with 1. */
  readonly attempt: number;
  /** The company's own identifier for the verification. Always null with a follow token. */
  readonly reference: string | null;
  /** The status. PENDING can change; the other statuses are final, with one exception: if the gateway concluded INCONCLUSIVE because a deadline passed (the actor of the event STATUS_CHANGED is SYSTEM), the provider's verdict replaces that outcome. */
  readonly status: VerificationStatus;
  /** How far the verification has come, in more detail than the status. Use the phase to show progress to a waiting person. */
  readonly phase: VerificationPhase;
  /** What the integrator should do next. */
  readonly recommendedAction: RecommendedAction;
  /** Whether the verification can be retried with `retryVerification` and has not been retried yet. */
  readonly canRetry: boolean;
  /** When the verification was created. */
  readonly createdAt: string;
  /** When the last event was recorded. */
  readonly updatedAt: string;
  /** The deadline for the recording: if it is not complete by then, the verification becomes inconclusive. */
  readonly expiresAt: string;
  /** The deadline to begin the recording: if it has not begun by then, the verification becomes inconclusive. Null unless the phase is IN_SESSION. */
  readonly linkExpiresAt: string | null;
  /** When the verification got its present outcome; null while it is pending. A verdict that replaces an outcome of the gateway moves this instant. */
  readonly completedAt: string | null;
  /** When the personal data were permanently removed; null before that. */
  readonly anonymizedAt: string | null;
  /** Why the verification failed or could not be completed, in the provider's order; empty otherwise. Without `verification:sensitive`, internal reasons are left out, and the advice of every reason of a failure is OFFER_ALTERNATIVE. */
  readonly reasons: readonly ReasonFields[];
  /** The names that the integrator declared; null once the verification is anonymized. Null without `verification:sensitive`. */
  readonly declaredIdentity: {
    /** The given name. */
    readonly firstName: string;
    /** The family name. */
    readonly lastName: string;
  } | null;
  /** The data that the provider read from the identity document; null if the provider reported no data, or once the verification is anonymized. Null without `verification:sensitive`. */
  readonly extractedDocument: {
    /** The kind of the document. */
    readonly type: DocumentType | null;
    /** The issuing country, as a code of ISO 3166-1 or ICAO 9303, such as FR, FRA or D. */
    readonly issuingCountryCode: string | null;
  } | null;
  /** The provider at which the verification was started. Always null with a follow token. */
  readonly provider: {
    /** The name of the provider, such as `sandbox` or `external`. */
    readonly name: string;
    /** The provider's own id for the verification; null if it was not given. */
    readonly id: string | null;
  } | null;
};

/** How far the events of a verification were delivered to your backend. */
export type DeliveryFields = {
  /** Whether events wait, were delivered, or were given up. */
  readonly state: DeliveryState;
  /** The newest event that the backend accepted; 0 if it accepted none. */
  readonly deliveredVersion: number;
  /** How often the next event was sent without success. */
  readonly tries: number;
  /** When the next event is sent; null if no event waits. */
  readonly nextTryAt: string | null;
  /** The HTTP status of the last response; null if there was no response. */
  readonly lastStatus: number | null;
  /** Why the last try failed; null if it succeeded. */
  readonly lastError: string | null;
};

export type BoardListResult = {
  /** A page of the workspace's verifications. Verifications may be written while you page through the list: rows that keep their position are neither skipped nor repeated. Needs `verification:read`. */
  readonly verifications: {
    /** The number of verifications in the whole list, over all pages. Counted only if this field is selected. */
    readonly totalCount: number;
    /** The rows of the page. */
    readonly edges: readonly ({
      /** The verification. */
      readonly node: RowFields;
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

export type BoardListVariables = {
  readonly filter?: VerificationFilter | null;
  readonly orderBy?: VerificationOrder;
  readonly first?: number | null;
  readonly after?: string | null;
};

export const BoardList = "query BoardList($filter:VerificationFilter$orderBy:VerificationOrder!=CREATED_NEWEST$first:Int$after:String){verifications(filter:$filter orderBy:$orderBy first:$first after:$after){totalCount edges{node{...RowFields}}pageInfo{hasNextPage endCursor}}}fragment RowFields on Verification{id version attempt reference status phase recommendedAction canRetry createdAt updatedAt expiresAt linkExpiresAt completedAt anonymizedAt reasons{...ReasonFields}declaredIdentity{firstName lastName}extractedDocument{type issuingCountryCode}provider{name id}}fragment ReasonFields on ReasonCode{code type retryAdvice}" as TypedDocument<BoardListResult, BoardListVariables>;

export type BoardFeedResult = {
  /** Follow the verifications of the workspace. Each changed verification is sent if it matches the filter, or if it matched before the change. In the second case, `matches` is false: remove it from your list. Also remove the verification with `removedId`, if there is one. The first item contains only a cursor. To miss no change, receive that item first, then read the list, then apply the items that follow. After a resumption, the same state may be sent twice: ignore an item whose `id` and `version` you already have. Needs `verification:read`. */
  readonly verificationsUpdated: {
    /** The cursor of this item. Pass it as `after` to resume the subscription after this item. */
    readonly cursor: string;
    /** Whether the verification matches the filter now. If it is false, the verification matched before the change: remove it from your list. Null if `verification` is null. */
    readonly matches: boolean | null;
    /** The id of a verification that the gateway deleted: remove it from your list if you have it. `verification` is null then. */
    readonly removedId: string | null;
    /** The state after the change; null if the item contains only a cursor. */
    readonly verification: RowFields | null;
  };
};

export type BoardFeedVariables = {
  readonly filter?: VerificationFilter | null;
  readonly after?: string | null;
};

export const BoardFeed = "subscription BoardFeed($filter:VerificationFilter$after:String){verificationsUpdated(filter:$filter after:$after){cursor matches removedId verification{...RowFields}}}fragment RowFields on Verification{id version attempt reference status phase recommendedAction canRetry createdAt updatedAt expiresAt linkExpiresAt completedAt anonymizedAt reasons{...ReasonFields}declaredIdentity{firstName lastName}extractedDocument{type issuingCountryCode}provider{name id}}fragment ReasonFields on ReasonCode{code type retryAdvice}" as TypedDocument<BoardFeedResult, BoardFeedVariables>;

export type BoardFiguresResult = {
  /** Statistics of the workspace's verifications. Needs `verification:read`. */
  readonly verificationStats: {
    /** The number of all matching verifications. */
    readonly total: number;
    /** The number of verifications that the provider charges for. */
    readonly billable: number;
    /** The median time in seconds from creation to outcome, over the outcomes that an individual or a provider caused. Outcomes caused by deadlines are left out; null if there are no other outcomes. */
    readonly medianSecondsToResult: number | null;
    /** The number of verifications by status. All four statuses are listed. */
    readonly byStatus: readonly ({
      /** The status. */
      readonly status: VerificationStatus;
      /** The number of verifications with this status. */
      readonly count: number;
    })[];
    /** The number of verifications by reason, the most frequent first. Equal counts are ordered by code. Internal reasons are left out without `verification:sensitive`. */
    readonly byReason: readonly ({
      /** The reason. */
      readonly reason: ReasonFields & {
        /** The statuses with which the code is allowed. */
        readonly statuses: readonly VerificationStatus[];
      };
      /** The number of verifications with this reason. */
      readonly count: number;
    })[];
    /** The number of verifications by the day of their creation in UTC, the earliest day first. Days without any are left out. If there are more than 400 days, only the newest 400 are listed. Counted only if this field is selected. */
    readonly byDay: readonly ({
      /** The day in UTC, as YYYY-MM-DD. */
      readonly day: string;
      /** The number of all matching verifications that were created on this day. */
      readonly total: number;
      /** The number of these verifications by their present status. All four statuses are listed. */
      readonly byStatus: readonly ({
        /** The status. */
        readonly status: VerificationStatus;
        /** The number of verifications with this status. */
        readonly count: number;
      })[];
    })[];
  };
};

export type BoardFiguresVariables = {
  readonly filter?: VerificationFilter | null;
};

export const BoardFigures = "query BoardFigures($filter:VerificationFilter){verificationStats(filter:$filter){total billable medianSecondsToResult byStatus{status count}byReason{reason{...ReasonFields statuses}count}byDay{day total byStatus{status count}}}}fragment ReasonFields on ReasonCode{code type retryAdvice}" as TypedDocument<BoardFiguresResult, BoardFiguresVariables>;

export type BoardMedianResult = {
  /** Statistics of the workspace's verifications. Needs `verification:read`. */
  readonly verificationStats: {
    /** The median time in seconds from creation to outcome, over the outcomes that an individual or a provider caused. Outcomes caused by deadlines are left out; null if there are no other outcomes. */
    readonly medianSecondsToResult: number | null;
  };
};

export type BoardMedianVariables = {
  readonly filter?: VerificationFilter | null;
};

export const BoardMedian = "query BoardMedian($filter:VerificationFilter){verificationStats(filter:$filter){medianSecondsToResult}}" as TypedDocument<BoardMedianResult, BoardMedianVariables>;

export type BoardAttentionResult = {
  /** A page of the workspace's verifications. Verifications may be written while you page through the list: rows that keep their position are neither skipped nor repeated. Needs `verification:read`. */
  readonly verifications: {
    /** The rows of the page. */
    readonly edges: readonly ({
      /** The verification. */
      readonly node: RowFields;
    })[];
  };
  /** The deliveries of verifications to your backend, the last changed first. A verification without an event for the backend has no delivery. Needs `verification:read`. */
  readonly webhookDeliveries: readonly (DeliveryFields & {
    /** The verification. */
    readonly verification: RowFields;
  })[];
  /** The provider's webhooks that have matched no verification of the workspace for ten minutes, the newest first. They are kept for 30 days. Needs `verification:read`. */
  readonly unmatchedWebhooks: readonly ({
    /** The id of the webhook, for the command `gateway inbox`. */
    readonly id: string;
    /** When the webhook was received. */
    readonly receivedAt: string;
    /** The name of the provider. */
    readonly provider: string;
    /** The provider's id of the verification. */
    readonly providerId: string;
    /** The status that the webhook announces; null if this release can't represent it. */
    readonly status: VerificationStatus | null;
  })[];
};

export type BoardAttentionVariables = {
  readonly stuck?: VerificationFilter | null;
};

export const BoardAttention = "query BoardAttention($stuck:VerificationFilter){verifications(filter:$stuck orderBy:UPDATED_OLDEST first:20){edges{node{...RowFields}}}webhookDeliveries(state:[WAITING FAILED]first:20){...DeliveryFields verification{...RowFields}}unmatchedWebhooks(first:20){id receivedAt provider providerId status}}fragment RowFields on Verification{id version attempt reference status phase recommendedAction canRetry createdAt updatedAt expiresAt linkExpiresAt completedAt anonymizedAt reasons{...ReasonFields}declaredIdentity{firstName lastName}extractedDocument{type issuingCountryCode}provider{name id}}fragment ReasonFields on ReasonCode{code type retryAdvice}fragment DeliveryFields on WebhookDelivery{state deliveredVersion tries nextTryAt lastStatus lastError}" as TypedDocument<BoardAttentionResult, BoardAttentionVariables>;

export type BoardVerificationResult = {
  /** The verification with this id; null if the caller's workspace has no such verification. Needs `verification:follow` or `verification:read`. */
  readonly verification: {
    /** The id, unique across all types. */
    readonly id: string;
    /** The number of events so far. Ignore a state that arrives with a lower version than one you already have. */
    readonly version: number;
    /** The number of this attempt in its chain, starting with 1. */
    readonly attempt: number;
    /** The company's own identifier for the verification. Always null with a follow token. */
    readonly reference: string | null;
    /** The status. PENDING can change; the other statuses are final, with one exception: if the gateway concluded INCONCLUSIVE because a deadline passed (the actor of the event STATUS_CHANGED is SYSTEM), the provider's verdict replaces that outcome. */
    readonly status: VerificationStatus;
    /** How far the verification has come, in more detail than the status. Use the phase to show progress to a waiting person. */
    readonly phase: VerificationPhase;
    /** What the integrator should do next. */
    readonly recommendedAction: RecommendedAction;
    /** Whether the verification can be retried with `retryVerification` and has not been retried yet. */
    readonly canRetry: boolean;
    /** When the verification was created. */
    readonly createdAt: string;
    /** When the last event was recorded. */
    readonly updatedAt: string;
    /** The deadline for the recording: if it is not complete by then, the verification becomes inconclusive. */
    readonly expiresAt: string;
    /** The deadline to begin the recording: if it has not begun by then, the verification becomes inconclusive. Null unless the phase is IN_SESSION. */
    readonly linkExpiresAt: string | null;
    /** When the verification got its present outcome; null while it is pending. A verdict that replaces an outcome of the gateway moves this instant. */
    readonly completedAt: string | null;
    /** When the personal data were permanently removed; null before that. */
    readonly anonymizedAt: string | null;
    /** Whether the provider charges for the verification; null while it is pending. If the provider reported a result after the verification was closed, that result decides. With a follow token, the status alone decides, as if no result had followed the close. */
    readonly billable: boolean | null;
    /** Whether a retry can help, and what the individual should change for it: one advice over all reasons, the strictest. Null while the verification is pending, and once it is verified. Without `verification:sensitive`: OFFER_ALTERNATIVE if the verification failed, otherwise the advice of the reasons that are not internal. */
    readonly retryAdvice: RetryAdvice | null;
    /** The URL at which the individual is verified. It can lead through the gateway, which then records that the individual opened it. Null until the provider has accepted the verification (see the event `PROVIDER_STARTED`), and once the status is final. */
    readonly verificationUrl: string | null;
    /** The URL to which the individual is redirected after the verification. */
    readonly redirectionUrl: string;
    /** Whether the individual's face is compared with the document. */
    readonly faceRecognition: boolean;
    /** When the individual opened the link for the first time; null before that. */
    readonly openedAt: string | null;
    /** Why the verification failed or could not be completed, in the provider's order; empty otherwise. Without `verification:sensitive`, internal reasons are left out, and the advice of every reason of a failure is OFFER_ALTERNATIVE. */
    readonly reasons: readonly (ReasonFields & {
      /** What happened, in one sentence. */
      readonly description: string;
      /** Whether the person being verified must not see the code. */
      readonly internal: boolean;
      /** What to say to the individual, in the second person: what happened, and what to do better. Null for internal and unknown codes. The text does not say whether the individual may retry. */
      readonly guidance: string | null;
    })[];
    /** The names that the integrator declared; null once the verification is anonymized. Null without `verification:sensitive`. */
    readonly declaredIdentity: {
      /** The given name. */
      readonly firstName: string;
      /** The family name. */
      readonly lastName: string;
    } | null;
    /** The data that the provider read from the identity document; null if the provider reported no data, or once the verification is anonymized. Null without `verification:sensitive`. */
    readonly extractedDocument: {
      /** The full name of the person. */
      readonly fullName: string | null;
      /** The date of birth, as YYYY-MM-DD. */
      readonly bornOn: string | null;
      /** The kind of the document. */
      readonly type: DocumentType | null;
      /** The issuing country, as a code of ISO 3166-1 or ICAO 9303, such as FR, FRA or D. */
      readonly issuingCountryCode: string | null;
      /** The national identification number of the person. */
      readonly nationalIdentificationNumber: string | null;
    } | null;
    /** The provider at which the verification was started. Always null with a follow token. */
    readonly provider: {
      /** The name of the provider, such as `sandbox` or `external`. */
      readonly name: string;
      /** The provider's own id for the verification; null if it was not given. */
      readonly id: string | null;
    } | null;
    /** All attempts of the chain, oldest first. */
    readonly attempts: readonly ({
      /** The id, unique across all types. */
      readonly id: string;
      /** The number of this attempt in its chain, starting with 1. */
      readonly attempt: number;
      /** The status. PENDING can change; the other statuses are final, with one exception: if the gateway concluded INCONCLUSIVE because a deadline passed (the actor of the event STATUS_CHANGED is SYSTEM), the provider's verdict replaces that outcome. */
      readonly status: VerificationStatus;
      /** How far the verification has come, in more detail than the status. Use the phase to show progress to a waiting person. */
      readonly phase: VerificationPhase;
      /** When the last event was recorded. */
      readonly updatedAt: string;
      /** Why the verification failed or could not be completed, in the provider's order; empty otherwise. Without `verification:sensitive`, internal reasons are left out, and the advice of every reason of a failure is OFFER_ALTERNATIVE. */
      readonly reasons: readonly ReasonFields[];
    })[];
    /** The retry of this attempt; null if there is none. */
    readonly nextAttempt: {
      /** The id, unique across all types. */
      readonly id: string;
    } | null;
    /** The history, oldest event first. Events that this release of the gateway can't represent are left out. */
    readonly events: readonly ({
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
      readonly reasons: readonly ReasonFields[];
    })[];
  } | null;
};

export type BoardVerificationVariables = {
  readonly id: string;
  readonly locale: string;
};

export const BoardVerification = "query BoardVerification($id:ID!$locale:String!){verification(id:$id){id version attempt reference status phase recommendedAction canRetry createdAt updatedAt expiresAt linkExpiresAt completedAt anonymizedAt billable retryAdvice verificationUrl redirectionUrl faceRecognition openedAt reasons{...ReasonFields description internal guidance(locale:$locale)}declaredIdentity{firstName lastName}extractedDocument{fullName bornOn type issuingCountryCode nationalIdentificationNumber}provider{name id}attempts{id attempt status phase updatedAt reasons{...ReasonFields}}nextAttempt{id}events{version type actor at fromStatus toStatus note reasons{...ReasonFields}}}}fragment ReasonFields on ReasonCode{code type retryAdvice}" as TypedDocument<BoardVerificationResult, BoardVerificationVariables>;

export type BoardDeliveriesResult = {
  /** The deliveries of verifications to your backend, the last changed first. A verification without an event for the backend has no delivery. Needs `verification:read`. */
  readonly webhookDeliveries: readonly DeliveryFields[];
};

export type BoardDeliveriesVariables = {
  readonly id: string;
};

export const BoardDeliveries = "query BoardDeliveries($id:ID!){webhookDeliveries(state:[WAITING FAILED]verificationId:$id){...DeliveryFields}}fragment DeliveryFields on WebhookDelivery{state deliveredVersion tries nextTryAt lastStatus lastError}" as TypedDocument<BoardDeliveriesResult, BoardDeliveriesVariables>;

export type BoardCatalogueResult = {
  /** The four statuses, and what to do when a verification has one of them. */
  readonly statuses: readonly ({
    /** The status. */
    readonly status: VerificationStatus;
    /** The meaning of the status. */
    readonly description: string;
    /** What to do when a verification has this status. */
    readonly recommendedAction: RecommendedAction;
    /** Whether the provider charges for a verification with this status; null for PENDING, since the charge depends on the outcome. */
    readonly billable: boolean | null;
    /** Whether the status is an outcome. The provider's verdict replaces an outcome INCONCLUSIVE that the gateway concluded at a deadline. */
    readonly final: boolean;
  })[];
  /** The catalogue of reason codes. */
  readonly reasonCodes: readonly ({
    /** The provider's code, such as IDVV_1101. */
    readonly code: string;
    /** The category of the code. */
    readonly type: ReasonType;
    /** The statuses with which the code is allowed. */
    readonly statuses: readonly VerificationStatus[];
    /** What happened, in one sentence. */
    readonly description: string;
    /** Whether a retry can help, and what the individual should change for it. Inside a verification, it also depends on the outcome and on the caller: see `reasons`. */
    readonly retryAdvice: RetryAdvice;
    /** Whether the person being verified must not see the code. */
    readonly internal: boolean;
    /** What to say to the individual, in the second person: what happened, and what to do better. Null for internal and unknown codes. The text does not say whether the individual may retry. */
    readonly guidance: string | null;
  })[];
};

export type BoardCatalogueVariables = {
  readonly locale: string;
};

export const BoardCatalogue = "query BoardCatalogue($locale:String!){statuses{status description recommendedAction billable final}reasonCodes{code type statuses description retryAdvice internal guidance(locale:$locale)}}" as TypedDocument<BoardCatalogueResult, BoardCatalogueVariables>;

export type BoardCallerResult = {
  /** The caller: the bearer of the token. */
  readonly me: {
    /** The `sub` of the token: the caller, as identified by the issuer of the token. */
    readonly subject: string;
    /** The workspace to which the token gives access. */
    readonly workspaceId: string;
    /** When the token expires. All subscriptions that use the token end at this instant. */
    readonly expiresAt: string | null;
    /** The scopes of the token. */
    readonly scopes: readonly string[];
  };
};

export type BoardCallerVariables = Record<string, never>;

export const BoardCaller = "query BoardCaller{me{subject workspaceId expiresAt scopes}}" as TypedDocument<BoardCallerResult, BoardCallerVariables>;

export type BoardRetryResult = {
  /** Create a retry: a new verification that is the next attempt of the same chain. If the attempt was already retried, the existing retry is returned, and the changes in the input are ignored. As with `createVerification`, the URL may follow later, and the provider may refuse the retry. Needs `verification:write`. */
  readonly result: ({
    readonly __typename: "Verification";
    /** The id, unique across all types. */
    readonly id: string;
  } | {
    readonly __typename: "Refusal";
    /** An explanation for developers. */
    readonly message: string;
  });
};

export type BoardRetryVariables = {
  readonly id: string;
};

export const BoardRetry = "mutation BoardRetry($id:ID!){result:retryVerification(input:{verificationId:$id}){...on Verification{__typename id}...on Refusal{__typename message}}}" as TypedDocument<BoardRetryResult, BoardRetryVariables>;

export type BoardCloseResult = {
  /** Close a pending verification that is stuck, was given up, or is to be anonymized. Its status becomes INCONCLUSIVE, without a reason. It can then be retried or anonymized. If it was already closed, it is returned unchanged. The provider does not receive the close, and may still charge for the verification: a result that it reports later is recorded as the event `RESULT_IGNORED`, and decides `billable`. Needs `verification:write`. */
  readonly result: ({
    readonly __typename: "Verification";
    /** The id, unique across all types. */
    readonly id: string;
  } | {
    readonly __typename: "Refusal";
    /** An explanation for developers. */
    readonly message: string;
  });
};

export type BoardCloseVariables = {
  readonly id: string;
  readonly note?: string | null;
};

export const BoardClose = "mutation BoardClose($id:ID!$note:String){result:closeVerification(input:{verificationId:$id note:$note}){...on Verification{__typename id}...on Refusal{__typename message}}}" as TypedDocument<BoardCloseResult, BoardCloseVariables>;

export type BoardAnonymizeResult = {
  /** Permanently remove the personal data of a verification. Its status, reasons and events are kept. Its idempotency key can't be used any more. If the request is repeated, nothing changes; with `wholeChain`, the attempts that still have personal data are anonymized. Needs `verification:write`. */
  readonly result: ({
    readonly __typename: "Verification";
    /** The id, unique across all types. */
    readonly id: string;
  } | {
    readonly __typename: "Refusal";
    /** An explanation for developers. */
    readonly message: string;
  });
};

export type BoardAnonymizeVariables = {
  readonly id: string;
};

export const BoardAnonymize = "mutation BoardAnonymize($id:ID!){result:anonymizeVerification(id:$id wholeChain:true){...on Verification{__typename id}...on Refusal{__typename message}}}" as TypedDocument<BoardAnonymizeResult, BoardAnonymizeVariables>;

export type BoardResendResult = {
  /** Send the events of a verification to your backend again, from one of them on. The webhooks have the same ids as before, so that the backend can ignore those that it has. If the backend has accepted all events and `fromVersion` is omitted, nothing is sent. The webhooks wait while the workspace has no backend in the providers file. Needs `verification:write`. */
  readonly result: ({
    readonly __typename: "Verification";
    /** The id, unique across all types. */
    readonly id: string;
  } | {
    readonly __typename: "Refusal";
    /** An explanation for developers. */
    readonly message: string;
  });
};

export type BoardResendVariables = {
  readonly id: string;
};

export const BoardResend = "mutation BoardResend($id:ID!){result:resendWebhooks(verificationId:$id){...on Verification{__typename id}...on Refusal{__typename message}}}" as TypedDocument<BoardResendResult, BoardResendVariables>;

export type BoardFollowTokenResult = {
  /** Issue a token with which the browser of the individual can follow one chain of attempts. The token does not give access to internal data. Needs `verification:write`. */
  readonly result: ({
    readonly __typename: "FollowToken";
    /** The bearer token. */
    readonly token: string;
    /** When the token expires. */
    readonly expiresAt: string;
  } | {
    readonly __typename: "Refusal";
    /** An explanation for developers. */
    readonly message: string;
  });
};

export type BoardFollowTokenVariables = {
  readonly id: string;
};

export const BoardFollowToken = "mutation BoardFollowToken($id:ID!){result:issueFollowToken(verificationId:$id ttlSeconds:3600){...on FollowToken{__typename token expiresAt}...on Refusal{__typename message}}}" as TypedDocument<BoardFollowTokenResult, BoardFollowTokenVariables>;
