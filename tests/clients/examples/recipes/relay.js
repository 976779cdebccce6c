// relay.js
import { Environment, Network, Observable, RecordSource, requestSubscription, Store } from "relay-runtime"
import followSubscription from "./__generated__/followSubscription.graphql.js"
import { failed, finished, freshToken, id, show, url } from "./app.js"
import { subscribe } from "./sockets.js"

async function execute({ text }, variables) {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${await freshToken()}`, "content-type": "application/json" },
    body: JSON.stringify({ query: text, variables }),
  })
  return response.json()
}

const environment = new Environment({
  store: new Store(new RecordSource()),
  network: Network.create(execute, ({ text }, variables) =>
    Observable.create((sink) => subscribe({ query: text, variables }, sink)),
  ),
})

requestSubscription(environment, {
  subscription: followSubscription,
  variables: { id },
  onNext: ({ verificationUpdated }) => show(verificationUpdated),
  onError: failed,
  onCompleted: finished,
})
