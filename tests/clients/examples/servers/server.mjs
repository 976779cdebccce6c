// server.mjs
import { randomUUID } from "node:crypto"
import { createServer } from "node:http"

const { PORT = "8787", VERIFICATION_TOKEN: token } = process.env
const url = process.env.VERIFICATION_URL ?? "http://127.0.0.1:8000/graphql"

const CREATE = `mutation ($input: CreateVerificationInput!) {
  answer: createVerification(input: $input) { ... on Verification { id } ... on Refusal { message } }
}`
const ISSUE = `mutation ($id: ID!) {
  answer: issueFollowToken(verificationId: $id) { ... on FollowToken { token } ... on Refusal { message } }
}`

// This server has one customer with one order. Yours finds both by the customer's session.
const order = { key: randomUUID(), verificationId: null }

// Executes a mutation with the token of your server, which no browser ever receives.
async function gateway(query, variables) {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  })
  const { data, errors } = await response.json()
  if (!data) throw new Error(errors[0].message)
  if (data.answer.message) throw new Error(data.answer.message)
  return data.answer
}

const routes = {
  // Creates the verification of the order. Repeated with the same key, it returns the same verification.
  async "/api/verification"() {
    const person = { firstName: "Ada", lastName: "Lovelace", redirectionUrl: "https://example.com/done" }
    const { id } = await gateway(CREATE, { input: { ...person, idempotencyKey: order.key } })
    order.verificationId = id
    return { id, url }
  },
  // Issues a token with which the customer's browser can follow this verification and nothing else.
  async "/api/token"() {
    return gateway(ISSUE, { id: order.verificationId })
  },
}

createServer(async (request, response) => {
  const route = request.method === "POST" && routes[request.url]
  try {
    const content = route ? await route() : { error: "no such address" }
    response.writeHead(route ? 200 : 404, { "content-type": "application/json" }).end(JSON.stringify(content))
  } catch (error) {
    response.writeHead(502, { "content-type": "application/json" }).end(JSON.stringify({ error: error.message }))
  }
}).listen(PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}`))
