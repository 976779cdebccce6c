/** The parts of the schema that the board uses, in the shape in which its operations select them. */

export type Status = "PENDING" | "INCONCLUSIVE" | "VERIFIED" | "FAILED";
export type Phase = "AWAITING_INDIVIDUAL" | "IN_SESSION" | "CAPTURING" | "PROCESSING" | "DONE";
export type RecommendedAction = "SHARE_VERIFICATION_URL" | "WAIT" | "CREATE_RETRY" | "ACCEPT_REQUEST" | "REJECT_REQUEST";
export type RetryAdvice = "RETRY_NOW" | "RETRY_OTHER_DEVICE" | "RETRY_OTHER_DOCUMENT" | "OFFER_ALTERNATIVE" | "DO_NOT_RETRY";
export type DocumentType = "DRIVER_LICENSE" | "ID_CARD" | "PASSPORT" | "RESIDENCE_PERMIT" | "TRAVEL_DOCUMENT";
export type Actor = "INTEGRATOR" | "INDIVIDUAL" | "PROVIDER" | "SYSTEM";
export type EventType =
  | "CREATED" | "PROVIDER_STARTED" | "LINK_OPENED" | "CAPTURE_STARTED" | "CAPTURE_COMPLETED"
  | "STATUS_CHANGED" | "DOCUMENT_ADDED" | "RESULT_IGNORED" | "RETRY_CREATED" | "ANONYMIZED";
export type ReasonType =
  | "ENGAGEMENT_ISSUE" | "TECHNICAL_ISSUE" | "DOCUMENT_CAPTURE_ISSUE" | "FACE_CAPTURE_ISSUE" | "OTHER_ISSUE" | "DOCUMENT_ISSUE"
  | "COPY_ISSUE" | "IDENTITY_FRAUD" | "CONSISTENCY_ISSUE" | "SUSPICIOUS_BEHAVIOR" | "UNKNOWN";
export type Order = "CREATED_NEWEST" | "CREATED_OLDEST" | "UPDATED_NEWEST";

export const STATUSES: Status[] = ["VERIFIED", "FAILED", "INCONCLUSIVE", "PENDING"];
export const PHASES: Phase[] = ["AWAITING_INDIVIDUAL", "IN_SESSION", "CAPTURING", "PROCESSING", "DONE"];

export interface Reason { code: string; type: ReasonType; retryAdvice: RetryAdvice }

/** One row of the list. Instants are ISO 8601 texts in UTC. */
export interface Row {
  id: string;
  version: number;
  attempt: number;
  reference: string | null;
  status: Status;
  phase: Phase;
  recommendedAction: RecommendedAction;
  canRetry: boolean;
  createdAt: string;
  updatedAt: string;
  expiresAt: string;
  linkExpiresAt: string | null;
  completedAt: string | null;
  anonymizedAt: string | null;
  reasons: Reason[];
  declaredIdentity: { firstName: string; lastName: string } | null;
  extractedDocument: { type: DocumentType | null; issuingCountryCode: string | null } | null;
  provider: { name: string; id: string | null } | null;
}

export interface FullReason extends Reason { description: string; internal: boolean; guidance: string | null }

export interface VerificationEvent {
  version: number;
  type: EventType;
  actor: Actor;
  at: string;
  fromStatus: Status | null;
  toStatus: Status | null;
  reasons: Reason[];
  note: string | null;
}

export interface Attempt { id: string; attempt: number; status: Status; phase: Phase; updatedAt: string; reasons: Reason[] }

/** Everything that the page of one verification shows. */
export interface Detail extends Omit<Row, "reasons" | "extractedDocument"> {
  billable: boolean | null;
  retryAdvice: RetryAdvice | null;
  verificationUrl: string | null;
  redirectionUrl: string;
  faceRecognition: boolean;
  openedAt: string | null;
  reasons: FullReason[];
  extractedDocument: {
    fullName: string | null; bornOn: string | null; type: DocumentType | null; issuingCountryCode: string | null; nationalIdentificationNumber: string | null;
  } | null;
  attempts: Attempt[];
  nextAttempt: { id: string } | null;
  events: VerificationEvent[];
}

export interface Delivery {
  verification: { id: string };
  state: "WAITING" | "DELIVERED" | "FAILED";
  deliveredVersion: number;
  tries: number;
  nextTryAt: string | null;
  lastStatus: number | null;
  lastError: string | null;
}

export interface Unmatched { id: string; receivedAt: string; provider: string; providerId: string; status: Status | null }

export interface Stats {
  total: number;
  billable: number;
  medianSecondsToResult: number | null;
  byStatus: { status: Status; count: number }[];
  byReason: { reason: Reason & { statuses: Status[] }; count: number }[];
  byDay: { day: string; total: number; byStatus: { status: Status; count: number }[] }[];
}

export interface CatalogueCode extends FullReason { statuses: Status[] }
export interface StatusGuide { status: Status; description: string; recommendedAction: RecommendedAction; billable: boolean | null; final: boolean }

export interface Caller { subject: string; workspaceId: string; expiresAt: string | null; scopes: string[] }
export interface Refusal { __typename: "Refusal"; code: string; message: string; field: string | null }
