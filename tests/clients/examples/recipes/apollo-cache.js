// apollo-cache.js
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client"
import { GraphQLWsLink } from "@apollo/client/link/subscriptions"
import { failed, showList, url } from "./app.js"
import { FEED, FILTER, LIST, movesRow, oneAtATime } from "./list.js"
import { delivered, fetchNewest } from "./newest.js"
import { subscribe } from "./sockets.js"

const cache = new InMemoryCache({
  typePolicies: {
    // Verifications have an `id`, and exist once in the cache. These types are a part of another object:
    // the description and the advice of a reason can differ from one verification to the next.
    ReasonCode: { keyFields: false },
    VerificationEvent: { keyFields: false },
    Query: {
      fields: {
        // A verification that a list or a subscription has brought is not fetched again.
        verification: (existing, { args, toReference }) =>
          existing ?? toReference({ __typename: "Verification", id: args.id }),
        // One list for each filter and order. A list that is read again takes the place of the old one.
        verifications: { keyArgs: ["filter", "orderBy"], merge: false },
      },
    },
  },
})

const sockets = {
  subscribe: (payload, sink) => subscribe(payload, { ...sink, next: (message) => sink.next(delivered(message)) }),
}

const client = new ApolloClient({
  cache,
  link: ApolloLink.split(
    ({ operationType }) => operationType === "subscription",
    new GraphQLWsLink(sockets),
    new HttpLink({ uri: url, fetch: fetchNewest }),
  ),
})

const list = { query: gql(LIST), variables: { filter: FILTER } }
let rows = []
let watching

const read = oneAtATime(async () => {
  await client.query({ ...list, fetchPolicy: "network-only" })
  // From now on, the cache calls this function whenever a row or the list changes.
  watching ??= client.watchQuery(list).subscribe(({ data, dataState }) => {
    if (dataState !== "complete") return
    rows = data.verifications.edges.map(({ node }) => node)
    showList(rows, data.verifications.totalCount)
  })
})

client.subscribe({ query: gql(FEED), variables: list.variables }).subscribe({
  next({ data, error }) {
    if (!data) return failed(error)
    // The first item is only a cursor: a list that is read after it misses nothing. A later item has
    // changed its row in the cache already. If a row appears or leaves, the list is read again, because
    // only the gateway knows the place of the row and the count.
    if (!watching || movesRow(data.verificationsUpdated, rows)) read().catch(failed)
  },
  error: failed,
})
