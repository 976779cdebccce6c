// A peer with Apollo Server, started with the HTTP server that it contains.

import { ApolloServer } from '@apollo/server'
import { startStandaloneServer } from '@apollo/server/standalone'
import { port, resolvers, typeDefs } from './rows.js'

await startStandaloneServer(new ApolloServer({ typeDefs, resolvers }), { listen: { port, host: '127.0.0.1' } })
