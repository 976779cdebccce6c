// phone.js
import { createGatewayClient } from "@verification-gateway/client"

// `url` is the gateway's address, which the phone must reach. `fetchToken` requests a follow token from your server.
export function followOnPhone({ url, id, fetchToken, show }) {
  const client = createGatewayClient({ url, token: fetchToken })
  const followed = client.followVerification(id, {
    followRetries: true,
    onChange: ({ verification }) => show(verification),
  })
  return () => followed.stop() // call it when the screen is closed
}
