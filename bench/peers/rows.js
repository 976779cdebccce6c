// The parts that the peers on Node share: the MongoDB collection, the resolvers, and the cursors of the list.

import { readFileSync } from 'node:fs'
import { GraphQLScalarType } from 'graphql'
import { MongoClient } from 'mongodb'

const workspace = process.env.WORKSPACE
const catalogue = JSON.parse(readFileSync(process.env.CATALOGUE, 'utf8'))
const explained = Object.fromEntries(catalogue.map((reason) => [reason.code, reason]))

// The projection for rows of the list. It leaves out the history and the encrypted fields.
const ROW = { status: 1, reference: 1, createdAt: 1, updatedAt: 1, expiresAt: 1, version: 1, attempt: 1, next: 1, chain: 1, reasons: 1 }

const client = await new MongoClient(process.env.MONGO_URI).connect()
const verifications = client.db().collection('verifications')

const reasonsOf = (document) => (document.reasons ?? []).map((code) => explained[code])

const cursor = (document) => Buffer.from(`CREATED_NEWEST:${document.createdAt.getTime()}:${document._id}`).toString('base64url')

async function page(first) {
  const found = await verifications.find({ workspace }, { projection: ROW }).sort({ createdAt: -1, _id: -1 }).limit(first + 1).toArray()
  const edges = found.slice(0, first).map((node) => ({ cursor: cursor(node), node }))
  return { edges, pageInfo: { hasNextPage: found.length > first, endCursor: edges.length ? edges[edges.length - 1].cursor : null } }
}

export const port = Number(process.env.PORT)
export const typeDefs = readFileSync(new URL('schema.graphql', import.meta.url), 'utf8')

export const resolvers = {
  DateTime: new GraphQLScalarType({ name: 'DateTime', serialize: (date) => date.toISOString() }),
  Query: {
    verification: (_, { id }) => verifications.findOne({ _id: id, workspace }, { projection: ROW }),
    verifications: (_, { first }) => page(first),
    reasonCodes: () => catalogue
  },
  Verification: {
    id: (document) => document._id,
    status: (document) => document.status.toUpperCase(),
    reasons: reasonsOf
  },
  VerificationEvent: {
    type: (event) => event.type.toUpperCase(),
    actor: (event) => event.actor.toUpperCase(),
    toStatus: (event) => event.to?.toUpperCase(),
    reasons: reasonsOf
  }
}

// Loaders that batch reads: one query reads the attempts of all rows of a page, and another one reads their histories.

export async function attempts(documents) {
  const chains = documents.filter(({ attempt, next }) => attempt > 1 || next).map(({ chain }) => chain)
  const found = chains.length
    ? await verifications.find({ workspace, chain: { $in: chains } }, { projection: ROW }).sort({ attempt: 1 }).toArray()
    : []
  const byChain = grouped(found)
  return documents.map((document) => byChain.get(document.chain) ?? [document])
}

export async function histories(documents) {
  const ids = documents.map(({ _id }) => _id)
  const found = await verifications.find({ _id: { $in: ids } }, { projection: { events: 1 } }).toArray()
  const byId = new Map(found.map(({ _id, events }) => [_id, events]))
  return ids.map((id) => byId.get(id))
}

function grouped(documents) {
  const groups = new Map()
  for (const document of documents) {
    if (!groups.has(document.chain)) groups.set(document.chain, [])
    groups.get(document.chain).push(document)
  }
  return groups
}
