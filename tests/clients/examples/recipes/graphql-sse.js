// graphql-sse.js
import { createClient } from "graphql-sse"
import { failed, finished, FOLLOW, freshToken, id, show, url } from "./app.js"

const MAX_WAIT_MS = 30_000

const streams = createClient({
  url,
  headers: async () => ({ authorization: `Bearer ${await freshToken()}` }),
  retryAttempts: Infinity,
  retry: (retries) =>
    new Promise((resolve) =>
      setTimeout(resolve, (0.5 + Math.random() / 2) * Math.min(1000 * 2 ** retries, MAX_WAIT_MS)),
    ),
})

let cursor
streams.subscribe({ query: FOLLOW, variables: { id, get cursor() { return cursor } } }, {
  next({ data, errors }) {
    if (!data) return failed(errors)
    cursor = data.verificationUpdated.cursor
    show(data.verificationUpdated)
  },
  error: failed,
  complete: finished,
})
