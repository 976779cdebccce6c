import { GatewayError, gatewayError, type ResponseError } from "./errors.js";
import type { Operation } from "./transport.js";

export type Fetch = typeof globalThis.fetch;

/** Send an operation. Returns the response. Network errors are thrown as `fetch` throws them. */
export function post(fetch: Fetch, url: string, operation: Operation, token: string, accept: string, signal: AbortSignal): Promise<Response> {
  const headers = { accept, authorization: `Bearer ${token}`, "content-type": "application/json" };
  return fetch(url, { method: "POST", headers, body: JSON.stringify(operation), signal, cache: "no-store" });
}

/** The content of a JSON response. Throws GatewayError if it has no data. */
export async function content(response: Response): Promise<{ data: unknown; errors: readonly ResponseError[] }> {
  // If a proxy or another server has responded, the response may not be JSON.
  const { data, errors } = await response.json().catch(() => ({}));
  if (data) return { data, errors: errors ?? [] };
  throw errors ? gatewayError(errors) : new GatewayError("UNREACHABLE", `status ${response.status}`);
}
