/** One entry of the `errors` of a response. */
export interface ResponseError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: { readonly code?: string; readonly retryAfterMs?: number; readonly requestId?: string };
}

/** The error of a request or a subscription that failed. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";

  /**
   * @param code The `extensions.code` of the gateway's first error, such as NOT_FOUND or FORBIDDEN. Four codes are the client's own:
   * UNREACHABLE (no gateway responded), CONNECTION_LOST, TOKEN_UNAVAILABLE (the app's `token` failed) and SIGNED_OUT (it returned null).
   * @param errors All errors of the response; empty if there was none.
   * @param retryAfterMs How long the gateway asks clients to wait, in milliseconds.
   */
  constructor(
    readonly code: string,
    message: string,
    readonly errors: readonly ResponseError[] = [],
    readonly retryAfterMs = 0,
  ) {
    super(message);
  }
}

/** The GatewayError for the `errors` of a response. Its code is that of the first one. */
export function gatewayError(errors: readonly ResponseError[] = []): GatewayError {
  const { message = "the response has no data", extensions: { code = "INTERNAL_SERVER_ERROR", retryAfterMs } = {} } = errors[0] ?? {};
  return new GatewayError(code, message, errors, retryAfterMs);
}

/** Anything that was thrown, as a GatewayError. `code`: the code of the new error if something else than a GatewayError was thrown. */
export function asGatewayError(thrown: unknown, code = "UNREACHABLE"): GatewayError {
  return thrown instanceof GatewayError ? thrown : new GatewayError(code, String(thrown));
}

/** Whether the same request can succeed later. */
export function isTemporary({ code }: GatewayError): boolean {
  return /^(UN(REACH|AVAIL)ABLE|CONNECTION_LOST|TOKEN_UNAVAILABLE|TIMEOUT|RATE_LIMITED)$/.test(code);
}
