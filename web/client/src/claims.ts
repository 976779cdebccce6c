/** The claims of a JSON Web Token, which only the gateway can verify. Empty if the token has another format. */
export function claimsOf(token: string | null): { readonly chain?: string; readonly page?: string; readonly exp?: number } {
  try {
    return JSON.parse(atob(token!.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/")));
  } catch {
    return {};
  }
}
