// graphcache.js
import { Client, fetchExchange, subscriptionExchange } from "@urql/core"
import { cacheExchange } from "@urql/exchange-graphcache"
import { failed, showList, url } from "./app.js"
import { FEED, FILTER, LIST, movesRow, oneAtATime } from "./list.js"
import { delivered, fetchNewest } from "./newest.js"
import { subscribe } from "./sockets.js"

const embedded = () => null

const cache = cacheExchange({
  // Verifications have an `id`, and exist once in the cache. These types are a part of another object:
  // the description and the advice of a reason can differ from one verification to the next.
  keys: {
    ReasonCode: embedded,
    VerificationEvent: embedded,
    VerificationFeedItem: embedded,
    VerificationUpdate: embedded,
  },
  resolvers: {
    // A verification that a list or a subscription has brought is not fetched again.
    Query: { verification: (_, { id }) => ({ __typename: "Verification", id }) },
  },
})

const client = new Client({
  url,
  preferGetMethod: false,
  fetch: fetchNewest,
  exchanges: [
    cache,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: (payload) => ({
        subscribe: (sink) => ({
          unsubscribe: subscribe(payload, { ...sink, next: (message) => sink.next(delivered(message)) }),
        }),
      }),
    }),
  ],
})

let rows = []
let watching

const read = oneAtATime(async () => {
  const { error } = await client.query(LIST, { filter: FILTER }, { requestPolicy: "network-only" }).toPromise()
  if (error) return failed(error)
  // From now on, the cache calls this function whenever a row or the list changes.
  watching ??= client.query(LIST, { filter: FILTER }).subscribe(({ data }) => {
    if (!data) return
    rows = data.verifications.edges.map(({ node }) => node)
    showList(rows, data.verifications.totalCount)
  })
})

client.subscription(FEED, { filter: FILTER }).subscribe(({ data, error }) => {
  if (error) return failed(error)
  // The first item is only a cursor: a list that is read after it misses nothing. A later item has
  // changed its row in the cache already. If a row appears or leaves, the list is read again, because
  // only the gateway knows the place of the row and the count.
  if (!watching || movesRow(data.verificationsUpdated, rows)) read()
})
