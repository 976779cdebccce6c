// urql.js
import { Client, fetchExchange, subscriptionExchange } from "@urql/core"
import { failed, finished, FOLLOW, freshToken, id, show, url } from "./app.js"
import { subscribe } from "./sockets.js"

const client = new Client({
  url,
  preferGetMethod: false,
  fetch: async (input, init) =>
    fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${await freshToken()}` } }),
  exchanges: [
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: (payload) => ({
        subscribe: (sink) => ({ unsubscribe: subscribe(payload, sink) }),
      }),
    }),
  ],
})

let shown
client.subscription(FOLLOW, { id }).subscribe(({ data, error, hasNext }) => {
  if (error) return failed(error)
  const update = data?.verificationUpdated
  if (update && update.cursor !== shown) show(update)
  shown = update?.cursor ?? shown
  if (!hasNext) finished()
})
