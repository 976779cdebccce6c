// list.js
export const FILTER = { status: ["PENDING", "FAILED"] }

const ROW = "id version attempt status phase createdAt reasons { code description }"

export const LIST = `query List($filter: VerificationFilter) {
  verifications(filter: $filter, first: 50) {
    totalCount
    edges { node { ${ROW} } }
  }
}`
export const FEED = `subscription Feed($filter: VerificationFilter, $cursor: String) {
  verificationsUpdated(filter: $filter, after: $cursor) {
    cursor matches removedId
    verification { ${ROW} }
  }
}`

// Whether an item of the feed makes a row appear or leave. Other items only change rows.
export function movesRow({ matches, removedId, verification }, rows) {
  const id = removedId ?? verification?.id
  return id !== undefined && rows.some((row) => row.id === id) !== (matches === true)
}

// A function that calls `load`, and calls it once more if it was called again before `load` had finished.
export function oneAtATime(load) {
  let wanted = false
  let loading
  return () => {
    wanted = true
    return (loading ??= (async () => {
      for (; wanted; await load()) wanted = false
    })().finally(() => (loading = undefined)))
  }
}
