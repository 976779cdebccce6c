// GraphiQL at the gateway that serves it: queries over HTTP, subscriptions over a socket, with the token that the page was given.

import "graphiql/style.css";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createClient } from "graphql-ws";
import { createElement } from "react";
import { createRoot } from "react-dom/client";

const WORKERS = { json: "json", graphql: "graphql" };
globalThis.MonacoEnvironment = { getWorker: (_, label) => new Worker(`graphiql/${WORKERS[label] ?? "editor"}.worker.js`) };

const place = document.getElementById("graphiql");
const { graphql: url, websocket, tokens } = JSON.parse(document.body.dataset.credentials);
const chosen = document.getElementById("token");
const authorization = () => `Bearer ${tokens[chosen.value]}`;

const sockets = () => createClient({ url: websocket, connectionParams: () => ({ authorization: authorization() }) });
let client = sockets();
// A socket keeps the token that it began with.
chosen.addEventListener("change", () => (client.dispose(), (client = sockets())));

const fetcher = createGraphiQLFetcher({
  url,
  fetch: (address, init) => fetch(address, { ...init, headers: { ...init.headers, authorization: authorization() } }),
  wsClient: { subscribe: (...given) => client.subscribe(...given) },
});
const defaultQuery = `# Everything that changes, live.
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
createRoot(place).render(createElement(GraphiQL, { fetcher, defaultQuery, shouldPersistHeaders: false }));
