// GraphiQL for the gateway that serves the page: queries over HTTP, subscriptions over a WebSocket, with a token from the page.

import "graphiql/style.css";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createClient } from "graphql-ws";
import { createElement } from "react";
import { createRoot } from "react-dom/client";

const WORKERS = { json: "json", graphql: "graphql" };
globalThis.MonacoEnvironment = { getWorker: (_, label) => new Worker(`graphiql/${WORKERS[label] ?? "editor"}.worker.js`) };

const container = document.getElementById("graphiql");
const { graphql: url, websocket, tokens } = JSON.parse(document.body.dataset.credentials);
const role = document.getElementById("token");
const authorization = () => `Bearer ${tokens[role.value]}`;

const socketClient = () => createClient({ url: websocket, connectionParams: () => ({ authorization: authorization() }) });
let client = socketClient();
// A socket keeps the token with which it was opened.
role.addEventListener("change", () => (client.dispose(), (client = socketClient())));

const fetcher = createGraphiQLFetcher({
  url,
  fetch: (address, init) => fetch(address, { ...init, headers: { ...init.headers, authorization: authorization() } }),
  wsClient: { subscribe: (...request) => client.subscribe(...request) },
});
const defaultQuery = `# All changes of verifications, live.
subscription {
  verificationsUpdated {
    cursor
    verification {
      id
      status
      phase
      reasons { code description }
    }
  }
}
`;
createRoot(container).render(createElement(GraphiQL, { fetcher, defaultQuery, shouldPersistHeaders: false }));
