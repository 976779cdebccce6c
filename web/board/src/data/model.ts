/** The types of the data that the board reads, under shorter names. They are taken from the generated types of the board's operations. */

import type { BoardAttentionResult, BoardCallerResult, BoardCatalogueResult, BoardFiguresResult, BoardVerificationResult, RowFields, VerificationPhase, VerificationStatus } from "./generated";

export type {
  Actor, DeliveryFields as Delivery, DocumentType, EventType, ReasonFields as Reason, ReasonType, RecommendedAction, RetryAdvice, RowFields as Row,
} from "./generated";
/** The orders of the list that the board offers. */
export const ORDERS = ["CREATED_NEWEST", "CREATED_OLDEST", "UPDATED_NEWEST"] as const;
export type Order = (typeof ORDERS)[number];
export type Status = VerificationStatus;
export type Phase = VerificationPhase;
export type Verification = NonNullable<BoardVerificationResult["verification"]>;
export type VerificationEvent = Verification["events"][number];
export type FullReason = Verification["reasons"][number];
export type Unmatched = BoardAttentionResult["unmatchedWebhooks"][number];
export type Stats = BoardFiguresResult["verificationStats"];
export type Caller = BoardCallerResult["me"];
export type CatalogueCode = BoardCatalogueResult["reasonCodes"][number];
export type StatusGuide = BoardCatalogueResult["statuses"][number];
/** The fields of a verification that its name on the board is made of. */
export type Named = Pick<RowFields, "id" | "reference">;

/** All statuses, in the order in which charts and filters show them. */
export const STATUSES: Status[] = ["VERIFIED", "FAILED", "INCONCLUSIVE", "PENDING"];
export const PHASES: Phase[] = ["AWAITING_INDIVIDUAL", "IN_SESSION", "CAPTURING", "PROCESSING", "DONE"];
