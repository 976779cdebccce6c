/** The operations that the board sends. `model.ts` has the types of their results. */

const ROW = /* GraphQL */ `fragment Row on Verification {
  id version attempt reference status phase recommendedAction canRetry createdAt updatedAt expiresAt linkExpiresAt completedAt anonymizedAt
  reasons { code type retryAdvice }
  declaredIdentity { firstName lastName }
  extractedDocument { type issuingCountryCode }
  provider { name id }
}`;

export const LIST = `query BoardList($filter: VerificationFilter, $orderBy: VerificationOrder!, $first: Int!, $after: String) {
  verifications(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
    edges { node { ...Row } }
    pageInfo { hasNextPage endCursor }
  }
} ${ROW}`;

export const COUNT = `query BoardCount($filter: VerificationFilter) {
  verifications(filter: $filter, first: 1) { totalCount }
}`;

export const CHANGES = `subscription BoardChanges($filter: VerificationFilter, $after: String) {
  verificationsUpdated(filter: $filter, after: $after) { cursor matches removedId verification { ...Row } }
} ${ROW}`;

export const FIGURES = `query BoardFigures($filter: VerificationFilter) {
  verificationStats(filter: $filter) {
    total billable medianSecondsToResult
    byStatus { status count }
    byReason { reason { code type retryAdvice statuses } count }
    byDay { day total byStatus { status count } }
  }
}`;

export const MEDIAN = `query BoardMedian($filter: VerificationFilter) {
  verificationStats(filter: $filter) { medianSecondsToResult }
}`;

export const ATTENTION = `query BoardAttention($stuck: VerificationFilter) {
  verifications(filter: $stuck, orderBy: UPDATED_OLDEST, first: 20) { edges { node { ...Row } } }
  webhookDeliveries(state: [WAITING, FAILED], first: 20) {
    state deliveredVersion tries nextTryAt lastStatus lastError verification { ...Row }
  }
  unmatchedWebhooks(first: 20) { id receivedAt provider providerId status }
} ${ROW}`;

export const DETAIL = `query BoardVerification($id: ID!, $locale: String!) {
  verification(id: $id) {
    id version attempt reference status phase recommendedAction canRetry createdAt updatedAt expiresAt linkExpiresAt completedAt anonymizedAt
    billable retryAdvice verificationUrl redirectionUrl faceRecognition openedAt
    reasons { code type retryAdvice description internal guidance(locale: $locale) }
    declaredIdentity { firstName lastName }
    extractedDocument { fullName bornOn type issuingCountryCode nationalIdentificationNumber }
    provider { name id }
    attempts { id attempt status phase updatedAt reasons { code type retryAdvice } }
    nextAttempt { id }
    events { version type actor at fromStatus toStatus note reasons { code type retryAdvice } }
  }
}`;

export const DELIVERIES = `query BoardDeliveries {
  webhookDeliveries(state: [WAITING, FAILED], first: 100) {
    state deliveredVersion tries nextTryAt lastStatus lastError verification { id }
  }
}`;

export const CATALOGUE = `query BoardCatalogue($locale: String!) {
  statuses { status description recommendedAction billable final }
  reasonCodes { code type statuses description retryAdvice internal guidance(locale: $locale) }
}`;

export const ME = `query BoardCaller { me { subject workspaceId expiresAt scopes } }`;

const RESULT = `__typename ... on Verification { id version attempt } ... on Refusal { code message field }`;

export const RETRY = `mutation BoardRetry($id: ID!) { result: retryVerification(input: { verificationId: $id }) { ${RESULT} } }`;
export const CLOSE = `mutation BoardClose($id: ID!, $note: String) { result: closeVerification(input: { verificationId: $id, note: $note }) { ${RESULT} } }`;
export const ANONYMIZE = `mutation BoardAnonymize($id: ID!) { result: anonymizeVerification(id: $id, wholeChain: true) { ${RESULT} } }`;
export const RESEND = `mutation BoardResend($id: ID!) { result: resendWebhooks(verificationId: $id) { ${RESULT} } }`;
export const FOLLOW = `mutation BoardFollow($id: ID!) {
  result: issueFollowToken(verificationId: $id, ttlSeconds: 3600) { __typename ... on FollowToken { token expiresAt } ... on Refusal { code message field } }
}`;
export const CREATE = `mutation BoardCreate($input: CreateVerificationInput!) { result: createVerification(input: $input) { ${RESULT} } }`;
