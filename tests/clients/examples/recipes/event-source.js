// event-source.js
import { EventSource } from "eventsource"
import { failed, finished, FOLLOW, freshToken, id, show, url } from "./app.js"

const WAIT_MS = 2000
let cursor

function follow() {
  const parameters = new URLSearchParams({ query: FOLLOW, variables: JSON.stringify({ id, cursor }) })
  const source = new EventSource(`${url}?${parameters}`, {
    fetch: async (input, init) =>
      fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${await freshToken()}` } }),
  })
  source.addEventListener("next", (event) => {
    const { data, errors } = JSON.parse(event.data)
    if (!data) {
      source.close()
      return failed(errors)
    }
    cursor = data.verificationUpdated.cursor
    show(data.verificationUpdated)
  })
  source.addEventListener("complete", () => {
    source.close()
    finished()
  })
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, WAIT_MS)
  })
}

follow()
