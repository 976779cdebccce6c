// The gateway that the test's parent process has started, and a client whose subscriptions are counted.

import { createGatewayClient, type GatewayClient } from "@verification-gateway/client";
import { afterEach } from "vitest";
import { create, reportProgress, reportResult, retry, token } from "../../../tests/clients/gateway.js";

interface Attempt {
  readonly id: string;
}

export const created = create as () => Promise<Attempt>;
export const progressed = reportProgress as (id: string, ...steps: string[]) => Promise<unknown>;
export const concluded = reportResult as (id: string, status: string, ...codes: string[]) => Promise<unknown>;
export const retried = retry as (id: string) => Promise<Attempt>;
export const signed = token as (scope?: string, seconds?: number) => string;

export const url = `${process.env["GATEWAY_URL"]}/graphql`;

const clients: GatewayClient[] = [];
afterEach(() => clients.splice(0).forEach((client) => client.close()));

/** A client, and the operations that it has subscribed to. */
export function counted(): { client: GatewayClient; subscriptions: string[] } {
  const subscriptions: string[] = [];
  const webSocketImpl = new Proxy(WebSocket, {
    construct(Socket, address: [string, string]) {
      const socket = new Socket(...address);
      const send = socket.send.bind(socket);
      socket.send = (text) => {
        const { type, payload } = JSON.parse(String(text));
        if (type === "subscribe") subscriptions.push(payload.query);
        send(text);
      };
      return socket;
    },
  });
  const client = createGatewayClient({ url, token: () => signed(), webSocketImpl });
  clients.push(client);
  return { client, subscriptions };
}
