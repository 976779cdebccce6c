import type { Connection, GatewayClient } from "@verification-gateway/client";
import { createContext, createElement, type ReactNode, useContext, useSyncExternalStore } from "react";

const ClientContext = createContext<GatewayClient | null>(null);

/** Provides the components inside it with a client. */
export function GatewayProvider({ client, children }: { readonly client: GatewayClient; readonly children?: ReactNode }) {
  return createElement(ClientContext.Provider, { value: client }, children);
}

/** `own`, or else the client of the nearest GatewayProvider. */
export function useGatewayClient(own?: GatewayClient): GatewayClient {
  const provided = useContext(ClientContext);
  const client = own ?? provided;
  if (!client) throw new Error("there is no client: put <GatewayProvider client={…}> around the component");
  return client;
}

/** The state of the connection, to display. */
export function useConnection(own?: GatewayClient): Connection {
  const client = useGatewayClient(own);
  const read = (): Connection => client.connection;
  return useSyncExternalStore(client.onConnection, read, read);
}
