// main.js
import "@verification-gateway/element"
import { followToken, post } from "./backend.js"

const { id, url } = await post("/api/verification")

const status = document.createElement("verification-status")
status.setAttribute("url", url)
status.setAttribute("verification-id", id)
status.token = followToken
document.querySelector("#app").replaceChildren(status)
