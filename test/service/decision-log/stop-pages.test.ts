import t from 'tap'
import { DecidedStops, type Place, rowsBefore } from '../../../src/service/decision-log/stop-pages.js'
import { encodeStops, type StopRow } from '../../../src/service/decision-log/stop-rows.js'
import type { StopChunk } from '../../../src/store/stop-store.js'

const decided = (id: string, at: number): StopRow =>
  ({ id, at, context: '*', source: '*', tokens: 1, isReported: false, score: 0.9, scorer: 'confidence', threshold: 0.5, version: 1 })
const reported = (id: string, at: number): StopRow =>
  ({ ...decided(id, at), isReported: true, score: null, scorer: null, threshold: null, version: null })

/** Chunks as Redis has them, by the time at which they were stored. */
async function storeOf (chunks: ReadonlyArray<readonly [ms: number, rows: readonly StopRow[]]>) {
  const stored = await Promise.all(chunks.map(async ([ms, rows]): Promise<StopChunk> => ({ id: `${ms}-0`, rows: await encodeStops(rows) })))
  return {
    read: async (before: string | null, limit: number) => {
      const end = before === null ? Infinity : Number(before.split('-')[0]) + Number(before.split('-')[1]) / 1000
      return stored.filter(({ id }) => Number(id.split('-')[0]) < end).reverse().slice(0, limit)
    },
  }
}

async function idsFrom (store: Awaited<ReturnType<typeof storeOf>>, place: Place): Promise<string[]> {
  const ids = []
  for await (const { id } of rowsBefore(store, place)) ids.push(id)
  return ids
}

t.test('rows are read from a place within a chunk on', async (t) => {
  const store = await storeOf([[10, [decided('a', 1), decided('b', 2)]], [20, [decided('c', 3), decided('d', 4), decided('e', 5)]]])
  const place: Place = { next: null }
  t.same(await idsFrom(store, place), ['e', 'd', 'c', 'b', 'a'])
  t.equal(place.next, null, 'this was the last one')
  for await (const { id } of rowsBefore(store, place)) if (id === 'd') break
  t.equal(place.next, '20-0:1')
  t.same(await idsFrom(store, place), ['c', 'b', 'a'])
})

t.test('a reported stop is known as decided by a row up to five minutes before it, or stored a little later', async (t) => {
  const store = await storeOf([
    [1_000, [decided('old', 1_000)]],
    [500_000, [decided('before', 500_000)]],
    [600_000, [reported('before', 600_000), reported('later', 600_001), reported('local', 600_002), reported('old', 600_003)]],
    [605_000, [decided('later', 600_000)]],
  ])
  for (const next of [null, '600000-0:4']) {
    const known = new DecidedStops(store, { next })
    t.ok(await known.has(reported('before', 600_000)))
    t.ok(await known.has(reported('later', 600_001)), `from ${next}`)
    t.notOk(await known.has(reported('local', 600_002)))
    t.notOk(await known.has(reported('old', 600_003)))
    t.notOk(await known.has(decided('before', 500_000)), 'its own row')
    t.notOk(await known.has({ ...reported('before', 600_000), score: 0.5 }), 'a worker decided it')
  }
})
