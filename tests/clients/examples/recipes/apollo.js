// apollo.js
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client"
import { GraphQLWsLink } from "@apollo/client/link/subscriptions"
import { failed, finished, FOLLOW, freshToken, id, show, url } from "./app.js"
import { subscribe } from "./sockets.js"

const http = new HttpLink({
  uri: url,
  fetch: async (input, init) =>
    fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${await freshToken()}` } }),
})

const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(
    ({ operationType }) => operationType === "subscription",
    new GraphQLWsLink({ subscribe }),
    http,
  ),
})

client.subscribe({ query: gql(FOLLOW), variables: { id } }).subscribe({
  next: ({ data, error }) => (data ? show(data.verificationUpdated) : failed(error)),
  error: failed,
  complete: finished,
})
