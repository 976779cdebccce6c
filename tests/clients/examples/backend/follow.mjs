// follow.mjs
import { createGatewayClient } from "@verification-gateway/client"

const { VERIFICATION_TOKEN: token } = process.env
const url = process.env.VERIFICATION_URL ?? "http://127.0.0.1:8000/graphql"

// Node 20 has no WebSocket. With null, the client uses event streams, which need no further package.
const client = createGatewayClient({ url, token: async () => token, webSocketImpl: null })

// Prints the newest verifications of your workspace, and each change from then on.
client.followList(null, {
  onChange({ appeared, changed }) {
    for (const { id, status, phase } of [...appeared, ...changed]) console.log(JSON.stringify({ id, status, phase }))
  },
  onError: (error) => console.error(error.message),
})
