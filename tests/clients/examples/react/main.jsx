// main.jsx
import React from "react"
import { createRoot } from "react-dom/client"
import { createGatewayClient } from "@verification-gateway/client"
import { GatewayProvider, useVerification } from "@verification-gateway/react"
import { followToken, post } from "./backend.js"

const { id, url } = await post("/api/verification")
const client = createGatewayClient({ url, token: followToken })

function Status() {
  const { verification, error } = useVerification(id)
  if (error) return <p>{error.message}</p>
  if (!verification) return <p>Loading…</p>
  const { status, phase, verificationUrl } = verification
  return (
    <p>
      {status}, {phase} {verificationUrl && <a href={verificationUrl} target="_blank">Verify your identity</a>}
    </p>
  )
}

createRoot(document.querySelector("#app")).render(
  <GatewayProvider client={client}>
    <Status />
  </GatewayProvider>,
)
