// A peer with the libraries graphql-ws and ws. It receives new states by POST /publish, with all
// fields, so it reads nothing from the database.

import { createServer } from 'node:http'
import { makeExecutableSchema } from '@graphql-tools/schema'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { port, resolvers, typeDefs } from './rows.js'

const queues = new Map()

// The updates for one subscriber that were published, but not sent yet.
class Queue {
  waiting = []
  resolve = null

  push(value) {
    if (this.resolve) {
      this.resolve({ value, done: false })
      this.resolve = null
    } else this.waiting.push(value)
  }

  next() {
    if (this.waiting.length) return Promise.resolve({ value: this.waiting.shift(), done: false })
    return new Promise((resolve) => (this.resolve = resolve))
  }
}

function follow(id) {
  const queue = new Queue()
  if (!queues.has(id)) queues.set(id, new Set())
  queues.get(id).add(queue)
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next: () => queue.next(),
    return() {
      queues.get(id).delete(queue)
      return Promise.resolve({ value: undefined, done: true })
    }
  }
}

const dated = (key, value) => (['createdAt', 'updatedAt', 'expiresAt', 'at'].includes(key) ? new Date(value) : value)

function publish(documents) {
  for (const document of documents) {
    const update = { verificationUpdated: { verification: document, events: document.events.slice(-1) } }
    for (const queue of queues.get(document._id) ?? []) queue.push(update)
  }
}

const server = createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    if (request.url === '/publish') publish(JSON.parse(Buffer.concat(chunks), dated))
    response.end()
  })
})
const Subscription = { verificationUpdated: { subscribe: (_, { id }) => follow(id) } }
const schema = makeExecutableSchema({ typeDefs, resolvers: { ...resolvers, Subscription } })
useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }))
server.listen(port, '127.0.0.1')
