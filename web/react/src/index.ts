export { GatewayProvider, useConnection, useGatewayClient } from "./client.js";
export { VerificationStatus, type VerificationStatusProps } from "./status.js";
export { type FollowedVerificationState, useVerification, type UseVerificationOptions } from "./verification.js";
export { type FollowedVerificationsState, useVerifications, type UseVerificationsOptions } from "./verifications.js";
