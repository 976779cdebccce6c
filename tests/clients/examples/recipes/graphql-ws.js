// graphql-ws.js
import { failed, finished, FOLLOW, id, show } from "./app.js"
import { subscribe } from "./sockets.js"

subscribe({ query: FOLLOW, variables: { id } }, {
  next: ({ data, errors }) => (data ? show(data.verificationUpdated) : failed(errors)),
  error: failed,
  complete: finished,
})
