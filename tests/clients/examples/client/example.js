// example.js
import { createGatewayClient } from "@verification-gateway/client"
import { freshToken, id, show, showConnection, url } from "./app.js"

// `freshToken` returns the promise of a token from your own server, or of null once the user has signed out.
const client = createGatewayClient({ url, token: freshToken })
client.onConnection(({ state, transport, retryAt }) => showConnection(state, transport, retryAt))

const followed = client.followVerification(id, {
  followRetries: true,
  onChange: ({ verification, events }) => show(verification, events),
})

const ending = await followed.ended // { reason: "completed" }, "stopped", or "failed" with an `error`
