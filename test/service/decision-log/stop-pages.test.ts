import t from 'tap'
import { placeAt, StopReader } from '../../../src/service/decision-log/stop-pages.js'
import { encodeStops, type StopRow } from '../../../src/service/decision-log/stop-rows.js'
import type { StopChunk } from '../../../src/store/stop-store.js'

const decided = (id: string, at: number): StopRow => ({
  id, at, context: '*', source: '*', tokens: 1, decision: { score: 0.9, scorer: 'confidence', threshold: 0.5, version: 1 }, outcome: null,
})
const reported = (id: string, at: number, em: 0 | 1 = 1): StopRow =>
  ({ ...decided(id, at), decision: null, outcome: { em, tokens: 2, isAsProbed: true } })

/** Chunks as Redis has them, by the time at which they were stored. */
async function storeOf (chunks: ReadonlyArray<readonly [ms: number, rows: readonly StopRow[]]>) {
  const stored = await Promise.all(chunks.map(async ([ms, rows]): Promise<StopChunk> => ({ id: `${ms}-0`, rows: await encodeStops(rows) })))
  return {
    read: async (before: string | null, limit: number) => {
      const [ms = Infinity, sequence = 0] = before?.split('-').map(Number) ?? []
      return stored.filter(({ id }) => Number(id.split('-')[0]) < ms + sequence / 1000).reverse().slice(0, limit)
    },
  }
}

type Store = Awaited<ReturnType<typeof storeOf>>

/** Pages of one stop each. */
async function singly (store: Store): Promise<string[]> {
  const ids: string[] = []
  for (let next: string | null = null; ids.length < 100;) {
    const stop: Awaited<ReturnType<StopReader['read']>> = await new StopReader(store, next).read()
    if (stop === null) break
    ids.push(nameOf(stop))
    next = stop.next
  }
  return ids
}

async function whole (store: Store, start: string | null = null): Promise<string[]> {
  const reader = new StopReader(store, start)
  const ids = []
  for (let stop = await reader.read(); stop !== null; stop = await reader.read()) ids.push(nameOf(stop))
  return ids
}

const nameOf = ({ id, decidedBy, outcome }: Pick<NonNullable<Awaited<ReturnType<StopReader['read']>>>, 'id' | 'decidedBy' | 'outcome'>) =>
  `${id} ${decidedBy} ${outcome?.em ?? '-'}`

t.test('stops are read from a place within a chunk on', async (t) => {
  const store = await storeOf([[10, [decided('a', 1), decided('b', 2)]], [20, [decided('c', 3), decided('d', 4), decided('e', 5)]]])
  const reader = new StopReader(store, null)
  t.match([await reader.read(), await reader.read()], [{ id: 'e', next: '20-0:2' }, { id: 'd', next: '20-0:1' }])
  t.same(await whole(store, '20-0:1'), ['c service -', 'b service -', 'a service -'])
  t.same(await whole(store, placeAt(-75_000 + 20)), ['b service -', 'a service -'], 'what was stored before a time')
})

t.test('a stop has the outcome that follows within five minutes, wherever the page ends and whoever stored it first', async (t) => {
  const store = await storeOf([
    [1_000, [decided('old', 1_000)]],
    [500_000, [decided('before', 500_000)]],
    [600_000, [reported('before', 600_000), reported('later', 600_001, 0), reported('local', 600_002), reported('old', 600_003), decided('open', 600_004)]],
    [605_000, [decided('later', 600_000)]],
  ])
  const all = ['later service 0', 'open service -', 'old worker 1', 'local worker 1', 'before service 1', 'old service -']
  t.same(await whole(store), all)
  t.same(await singly(store), all)
})

t.test('a long list is read to its end, and a long search goes on where it ended', async (t) => {
  const store = await storeOf(Array.from({ length: 5000 }, (_, i) => [10 * i, i % 2 === 0 ? [decided(`${i}`, 10 * i)] : [reported(`${i - 1}`, 10 * i)]]))
  const ids: string[] = []
  for (let next: string | null = null, pages = 0; pages < 10; pages++) {
    const reader: StopReader = new StopReader(store, next)
    for (let stop = await reader.read(); stop !== null; stop = await reader.read()) ids.push(nameOf(stop))
    next = reader.next
    if (next === null) {
      t.ok(pages > 0)
      break
    }
  }
  t.same(ids, Array.from({ length: 2500 }, (_, i) => `${4998 - 2 * i} service 1`))
})
