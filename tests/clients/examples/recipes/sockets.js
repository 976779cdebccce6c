// sockets.js
import { createClient } from "graphql-ws"
import { freshToken, socketUrl } from "./app.js"

const MAX_WAIT_MS = 30_000

const sockets = createClient({
  url: socketUrl,
  connectionParams: async () => ({ authorization: `Bearer ${await freshToken()}` }),
  shouldRetry: () => true,
  retryAttempts: Infinity,
  retryWait: (retries) =>
    new Promise((resolve) =>
      setTimeout(resolve, (0.5 + Math.random() / 2) * Math.min(1000 * 2 ** retries, MAX_WAIT_MS)),
    ),
})

// Starts a subscription that has the variable `cursor`. After each reconnect, it resumes after the
// last message. Returns a function that ends it.
export function subscribe({ variables, ...payload }, sink) {
  let cursor = variables.cursor
  return sockets.subscribe(
    { ...payload, variables: { ...variables, get cursor() { return cursor } } },
    {
      next(message) {
        const [update] = Object.values(message.data ?? {})
        cursor = update?.cursor ?? cursor
        sink.next(message)
      },
      error: (error) => sink.error(error),
      complete: () => sink.complete(),
    },
  )
}
