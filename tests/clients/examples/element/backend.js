// backend.js
export async function post(path) {
  const response = await fetch(path, { method: "POST" })
  const content = await response.json()
  if (!response.ok) throw new Error(content.error)
  return content
}

// The client calls this function again shortly before the token expires. Null means that the customer has signed out.
export const followToken = async () => (await post("/api/token")).token
