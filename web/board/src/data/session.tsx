/** Who uses the board: the token, the caller that it belongs to, and the connection. */

import { createContext, useContext, useSyncExternalStore } from "react";
import type { Gateway } from "./gateway";
import type { Caller } from "./model";

export interface Session { gateway: Gateway; caller: Caller; signOut: () => void }

export const SessionContext = createContext<Session | null>(null);

export function useSession() {
  const session = useContext(SessionContext);
  if (!session) throw new Error("This part is used outside of a session.");
  return session;
}

export function useConnectionState() {
  const { gateway } = useSession();
  return useSyncExternalStore(gateway.listen, () => gateway.state);
}

export const may = (caller: Caller, scope: "read" | "write" | "report" | "sensitive") => caller.scopes.includes(`verification:${scope}`);

const KEY = "board-token";

/** What the gateway writes into the page. Only a development gateway writes a `token`. */
interface Configuration { graphql: string; processingSeconds: number; token?: string; links: { console?: string; graphiql?: string; docs?: string; follow?: string } }

export function configuration(): Configuration {
  const element = document.getElementById("configuration");
  const read = JSON.parse(element?.textContent || "{}") as Partial<Configuration>;
  return { graphql: "graphql", processingSeconds: 3600, links: {}, ...read };
}

// The token is kept for this tab only: the session storage is erased when the tab is closed.
export const keptToken = () => sessionStorage.getItem(KEY) ?? configuration().token ?? consoleToken();

/** The token that the console page of `gateway dev --shared` keeps in this tab's session storage, or null. */
function consoleToken(): string | null {
  try {
    return JSON.parse(sessionStorage.getItem("credentials") ?? "").tokens.integrator;
  } catch {
    return null;
  }
}

export const keepToken = (token: string) => sessionStorage.setItem(KEY, token);
export const forgetToken = () => sessionStorage.removeItem(KEY);
