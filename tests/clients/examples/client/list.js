// list.js
import { createGatewayClient } from "@verification-gateway/client"
import { freshToken, showRows, url } from "./app.js"

const client = createGatewayClient({ url, token: freshToken })

const list = client.followList({ status: ["FAILED", "INCONCLUSIVE"] }, {
  pageSize: 20,
  onChange: ({ rows, count, hasMore, appeared, changed, left }) => showRows(rows, count, { appeared, changed, left }),
})

export const more = () => list.loadMore() // the next page, which is then followed too
export const stop = () => list.stop()
