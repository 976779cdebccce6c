// A peer with GraphQL Yoga on Node's own HTTP server.

import { createServer } from 'node:http'
import { createSchema, createYoga } from 'graphql-yoga'
import { port, resolvers, typeDefs } from './rows.js'

createServer(createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false })).listen(port, '127.0.0.1')
