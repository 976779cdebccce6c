// newest.js
import { freshToken } from "./app.js"

const MAX_TRIES = 5
// The newest version of each verification that a subscription has delivered.
const newest = new Map()

function objects(value) {
  if (!value || typeof value !== "object") return []
  return [value, ...Object.values(value).flatMap(objects)]
}

// Records the versions in a message of a subscription. Returns the message.
export function delivered(message) {
  for (const { id, version } of objects(message.data)) {
    if (id && version > (newest.get(id) ?? 0)) newest.set(id, version)
  }
  return message
}

// Fetches with a token. While the response was on its way, a subscription may have delivered a
// newer state of a verification. Then the response is fetched again: the cache would keep the older.
export async function fetchNewest(input, init) {
  const headers = { ...init.headers, authorization: `Bearer ${await freshToken()}` }
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(input, { ...init, headers })
    const text = await response.text()
    const isOlder = response.ok && objects(JSON.parse(text)).some(({ id, version }) => version < newest.get(id))
    if (!isOlder || tries === MAX_TRIES) return new Response(text, response)
  }
}
