import { setTimeout } from 'node:timers/promises'
import type { RecordedStep } from '../../src/core/step-records/recorded-steps.js'
import type { Store } from '../../src/store/store.js'
import { until } from '../helper.js'
import type { Law } from './contract.js'
import { batch, idsOf } from './fixtures.js'

const stepsAt = (...tokens: number[]): RecordedStep[] => tokens.map((at) => ({ tokens: at, confidence: 0.5 }))
const record = (store: Store, id: string, ...tokens: number[]) => store.stepRecords.append(batch([[id, stepsAt(...tokens)]]))
/** A step of twelve bytes, both packed and as the text `[10,0.12345]`. */
const ofTwelveBytes = (tokens: number): RecordedStep => ({ tokens, confidence: 0.12345 })
const tokensOf = async (store: Store, id: string) => (await store.stepRecords.read([id])).get(id)?.map(({ tokens }) => tokens)

/** The laws of StepRecordStore. */
export function recordContract (law: Law): void {
  law('recorded steps are read unchanged', async (t, { store, other }) => {
    t.same(await store.stepRecords.read(['a']), new Map())
    t.same(await store.stepRecords.read([]), new Map())
    const steps: RecordedStep[] = [
      { tokens: 32, confidence: null },
      { tokens: 64, confidence: 0.1 + 0.2, em: 0 },
      { tokens: 96, confidence: 1, answer_digest: '0123456789abcdef', signals: { entropy: 0.5 } },
      { tokens: 128, confidence: 0.5, em: 1, answer_digest: 'f', signals: {} },
    ]
    t.equal(await store.stepRecords.append(batch([['a', steps], ['b', stepsAt(1)]])), 5)
    t.same(await other.stepRecords.read(['b', 'none', 'a']), new Map([['b', stepsAt(1)], ['a', steps]]))
  })

  law('steps of a generation keep the order in which any replicas recorded them', async (t, { store, other }) => {
    await record(store, 'a', 32, 64)
    await record(other, 'a', 96)
    await record(store, 'a', 64, 128)
    t.same(await tokensOf(other, 'a'), [32, 64, 96, 64, 128])
    await Promise.all(Array.from({ length: 100 }, (_, i) => record(i % 2 === 0 ? store : other, 'race', i)))
    t.same((await tokensOf(store, 'race'))!.sort((x, y) => x - y), Array.from({ length: 100 }, (_, i) => i), 'concurrent calls lose no step')
  })

  law('records of different ids are kept apart', async (t, { store }) => {
    const ids = ['__proto__', 'a\0b', 'a\0', 'é', 'e\u0301', '🙂', ' ', '{stopgate}', '*', 'x'.repeat(128)]
    await store.stepRecords.append(batch(ids.map((id, i) => [id, stepsAt(i)])))
    t.same(await store.stepRecords.read(ids), new Map(ids.map((id, i) => [id, stepsAt(i)])))
  })

  law('forgetting a record keeps the others', async (t, { store, other }) => {
    for (const id of ['a', 'b', 'c']) await record(store, id, 1)
    await other.stepRecords.forget(['a', 'never there', 'c'])
    await store.stepRecords.forget([])
    t.same(await store.stepRecords.read(['a', 'b', 'c']), new Map([['b', stepsAt(1)]]))
    await record(store, 'a', 2)
    t.same(await tokensOf(store, 'a'), [2], 'a forgotten record starts again')
  })

  law('a whole record expires a fixed time after its last step', async (t, { store }) => {
    const start = performance.now()
    await record(store, 'lives', 1)
    await record(store, 'ends', 1)
    let tokens = 1
    await until('it has expired', async () => {
      await record(store, 'lives', ++tokens)
      return await tokensOf(store, 'ends') === undefined
    })
    t.ok(performance.now() - start >= 990, 'not before a second; 10 ms for the difference of the clocks')
    t.same(await tokensOf(store, 'lives'), Array.from({ length: tokens }, (_, i) => i + 1), 'each step prolongs the record')
    await record(store, 'ends', 7)
    t.same(await tokensOf(store, 'ends'), [7], 'steps of the expired record do not come back')
  }, { records: { seconds: 1 } })

  law('steps beyond the limit of a generation are not kept', async (t, { store, other }) => {
    t.equal(await record(store, 'a', 1, 2, 3), 3)
    t.equal(await other.stepRecords.append(batch([['a', stepsAt(4, 5, 6)], ['b', stepsAt(1)]])), 3)
    t.equal(await record(store, 'a', 7), 0)
    t.same(await tokensOf(store, 'a'), [1, 2, 3, 4, 5])
    await store.stepRecords.forget(['a'])
    t.equal(await record(store, 'a', 8), 1)
  }, { records: { steps: 5 } })

  law('beyond the limit of generations the least recently written records are dropped', async (t, { store, other }) => {
    for (const id of ['a', 'b', 'c']) { await record(store, id, 1); await setTimeout(2) } // records are ordered by the ms of their last step
    await record(other, 'a', 2)
    await setTimeout(2)
    await record(store, 'd', 1)
    t.same([...(await store.stepRecords.read(['a', 'b', 'c', 'd'])).keys()], ['a', 'c', 'd'])
    await store.stepRecords.append(batch(idsOf('e', 3).map((id) => [id, stepsAt(1)])))
    t.same([...(await store.stepRecords.read(['a', 'c', 'd', ...idsOf('e', 3)])).keys()], idsOf('e', 3))
    await store.stepRecords.forget(['e-0'])
    await record(store, 'f', 1)
    t.same([...(await store.stepRecords.read([...idsOf('e', 3), 'f'])).keys()], ['e-1', 'e-2', 'f'], 'forgotten records make room')
  }, { records: { generations: 3 } })

  law('beyond the limit of bytes the least recently written records are dropped', async (t, { store }) => {
    const record = (store: Store, id: string, ...tokens: number[]) => store.stepRecords.append(batch([[id, tokens.map(ofTwelveBytes)]]))
    await record(store, 'a', 10, 20, 30)
    await setTimeout(2)
    await record(store, 'b', 10, 20)
    t.equal((await store.stepRecords.read(['a', 'b'])).size, 2)
    await setTimeout(2)
    await record(store, 'c', 10)
    t.same([...(await store.stepRecords.read(['a', 'b', 'c'])).keys()], ['b', 'c'])
    await store.stepRecords.forget(['b'])
    await record(store, 'd', 10, 20, 30, 40)
    t.same([...(await store.stepRecords.read(['c', 'd'])).keys()], ['c', 'd'], 'forgotten records make room')
    await record(store, 'd', ...Array.from({ length: 20 }, () => 50))
    t.same(await store.stepRecords.read(['c', 'd']), new Map(), 'a record that is larger than the limit is dropped as well')
    await record(store, 'e', 10)
    t.same(await tokensOf(store, 'e'), [10])
  }, { records: { bytes: 67 } })

  law('expired records make room', async (t, { store }) => {
    const record = (store: Store, id: string, ...tokens: number[]) => store.stepRecords.append(batch([[id, tokens.map(ofTwelveBytes)]]))
    await record(store, 'a', 10, 20, 30)
    await until('it has expired', async () => await tokensOf(store, 'a') === undefined)
    await record(store, 'b', 10)
    await record(store, 'c', 10, 20, 30, 40)
    t.same([...(await store.stepRecords.read(['a', 'b', 'c'])).keys()], ['b', 'c'])
  }, { records: { bytes: 67, seconds: 1 } })

  law('records survive a crash', async (t, { store, crash }) => {
    await record(store, 'a', 1, 2)
    const again = await crash()
    await record(again, 'a', 3)
    t.same(await tokensOf(again, 'a'), [1, 2, 3])
  })

  law('recording moves no version and writes nothing to the log', async (t, { store }) => {
    await record(store, 'a', 1)
    t.match(await store.revision(), { version: 0, lag: 0 })
    t.same(await store.append([]), [])
  })
}
