// main.js
import { createGatewayClient } from "@verification-gateway/client"
import { followToken, post } from "./backend.js"

const app = document.querySelector("#app")
const { id, url } = await post("/api/verification")
const client = createGatewayClient({ url, token: followToken })

client.followVerification(id, {
  followRetries: true,
  onChange({ verification: { status, phase, verificationUrl } }) {
    app.textContent = `${status}, ${phase} `
    if (!verificationUrl) return
    const link = document.createElement("a")
    Object.assign(link, { href: verificationUrl, textContent: "Verify your identity", target: "_blank" })
    app.append(link)
  },
  onError: (error) => (app.textContent = error.message),
})
