// main.js
import { createApp } from "vue"
import { createGatewayClient } from "@verification-gateway/client"
import App from "./App.vue"
import { followToken, post } from "./backend.js"

const { id, url } = await post("/api/verification")
const client = createGatewayClient({ url, token: followToken })

createApp(App, { client, id }).mount("#app")
