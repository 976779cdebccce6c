// A peer with Mercurius. Its just-in-time compiler is active from the first request.

import Fastify from 'fastify'
import mercurius from 'mercurius'
import { attempts, histories, port, resolvers, typeDefs } from './rows.js'

const loaders = {
  Verification: {
    attempts: (queries) => attempts(queries.map(({ obj }) => obj)),
    events: (queries) => histories(queries.map(({ obj }) => obj))
  }
}

const app = Fastify()
app.register(mercurius, { schema: typeDefs, resolvers, loaders, jit: 1 })
app.get('/ready', async () => '')
await app.listen({ port, host: '127.0.0.1' })
