import type { Store } from '../../src/store/store.js'
import { until } from '../helper.js'
import type { Law } from './contract.js'
import { batch, idsOf, textsAt } from './fixtures.js'
import { nextMillisecond, timeOf } from './store-clock.js'

const record = (store: Store, id: string, ...numbers: number[]) => store.answers.append(batch([[id, textsAt(...numbers)]]))
const numbersOf = async (store: Store, id: string) => (await store.answers.read([id])).get(id)?.map(Number)

/** Many texts a generation, where a law is about their order or number. */
const MANY = { answers: { texts: 4096 } }

/** The laws of AnswerStore, and those that it has from EventStore. */
export function recordContract (law: Law): void {
  law('texts are read unchanged', async (t, { store, other }) => {
    t.same(await store.answers.read(['a']), new Map())
    t.same(await store.answers.read([]), new Map())
    const texts = ['', 'é🙂', '{"a":"\\n"}', 'a\0b']
    t.equal(await store.answers.append(batch([['a', texts], ['b', textsAt(1)]])), 5)
    t.same(await other.answers.read(['b', 'none', 'a']), new Map([['b', textsAt(1)], ['a', texts]]))
  }, MANY)

  law('texts of a generation keep the order in which any replicas appended them', async (t, { store, other }) => {
    await record(store, 'a', 32, 64)
    await record(other, 'a', 96)
    await record(store, 'a', 64, 128)
    t.same(await numbersOf(other, 'a'), [32, 64, 96, 64, 128])
    await Promise.all(Array.from({ length: 100 }, (_, i) => record(i % 2 === 0 ? store : other, 'race', i)))
    t.same((await numbersOf(store, 'race'))!.sort((x, y) => x - y), Array.from({ length: 100 }, (_, i) => i), 'concurrent calls lose no text')
  }, MANY)

  law('records of different ids are kept apart', async (t, { store }) => {
    const ids = ['__proto__', 'a\0b', 'a\0', 'é', 'e\u0301', '🙂', ' ', '{stopgate}', '*', 'x'.repeat(128)]
    await store.answers.append(batch(ids.map((id, i) => [id, textsAt(i)])))
    t.same(await store.answers.read(ids), new Map(ids.map((id, i) => [id, textsAt(i)])))
  })

  law('forgetting a record keeps the others', async (t, { store, other }) => {
    for (const id of ['a', 'b', 'c']) await record(store, id, 1)
    await other.answers.forget(['a', 'never there', 'c'])
    await store.answers.forget([])
    t.same(await store.answers.read(['a', 'b', 'c']), new Map([['b', textsAt(1)]]))
    await record(store, 'a', 2)
    t.same(await numbersOf(store, 'a'), [2], 'a forgotten record starts again')
  })

  law('a whole record expires a fixed time after its last text', async (t, { store }) => {
    const start = await timeOf(store)
    await record(store, 'lives', 1)
    await record(store, 'ends', 1)
    let last = 1
    await until('it has expired', async () => {
      await record(store, 'lives', ++last)
      return await numbersOf(store, 'ends') === undefined
    })
    t.ok(await timeOf(store) - start >= 1000, 'not before a second of its own clock')
    t.same(await numbersOf(store, 'lives'), Array.from({ length: last }, (_, i) => i + 1), 'each text prolongs the record')
    await record(store, 'ends', 7)
    t.same(await numbersOf(store, 'ends'), [7], 'texts of the expired record do not come back')
  }, { answers: { ...MANY.answers, seconds: 1 } })

  law('texts beyond the limit of a generation are not kept', async (t, { store, other }) => {
    t.equal(await record(store, 'a', 1, 2, 3), 3)
    t.equal(await other.answers.append(batch([['a', textsAt(4, 5, 6)], ['b', textsAt(1)]])), 3)
    t.equal(await record(store, 'a', 7), 0)
    t.same(await numbersOf(store, 'a'), [1, 2, 3, 4, 5])
    await store.answers.forget(['a'])
    t.equal(await record(store, 'a', 8), 1)
  }, { answers: { texts: 5 } })

  law('beyond the limit of generations the least recently written records are dropped', async (t, { store, other }) => {
    for (const id of ['a', 'b', 'c']) { await record(store, id, 1); await nextMillisecond() }
    await record(other, 'a', 2)
    await nextMillisecond()
    await record(store, 'd', 1)
    t.same([...(await store.answers.read(['a', 'b', 'c', 'd'])).keys()], ['a', 'c', 'd'])
    await store.answers.append(batch(idsOf('e', 3).map((id) => [id, textsAt(1)])))
    t.same([...(await store.answers.read(['a', 'c', 'd', ...idsOf('e', 3)])).keys()], idsOf('e', 3))
    await store.answers.forget(['e-0'])
    await record(store, 'f', 1)
    t.same([...(await store.answers.read([...idsOf('e', 3), 'f'])).keys()], ['e-1', 'e-2', 'f'], 'forgotten records make room')
  }, { answers: { ...MANY.answers, generations: 3 } })

  law('beyond the limit of bytes the least recently written records are dropped', async (t, { store }) => {
    const record = (store: Store, id: string, count: number) => store.answers.append(batch([[id, Array<string>(count).fill('1'.repeat(100))]]))
    await record(store, 'a', 3)
    await nextMillisecond()
    await record(store, 'b', 2)
    t.equal((await store.answers.read(['a', 'b'])).size, 2)
    await nextMillisecond()
    await record(store, 'c', 1)
    t.same([...(await store.answers.read(['a', 'b', 'c'])).keys()], ['b', 'c'])
    await store.answers.forget(['b'])
    await record(store, 'd', 4)
    t.same([...(await store.answers.read(['c', 'd'])).keys()], ['c', 'd'], 'forgotten records make room')
    await record(store, 'd', 20)
    t.same(await store.answers.read(['c', 'd']), new Map(), 'a record that is larger than the limit is dropped as well')
    await record(store, 'e', 1)
    t.equal((await store.answers.read(['e'])).size, 1)
  }, { answers: { ...MANY.answers, bytes: 560 } })

  law('expired records make room', async (t, { store }) => {
    const record = (store: Store, id: string, count: number) => store.answers.append(batch([[id, Array<string>(count).fill('1'.repeat(100))]]))
    await record(store, 'a', 3)
    await until('it has expired', async () => await numbersOf(store, 'a') === undefined)
    await record(store, 'b', 1)
    await record(store, 'c', 4)
    t.same([...(await store.answers.read(['a', 'b', 'c'])).keys()], ['b', 'c'])
  }, { answers: { ...MANY.answers, bytes: 560, seconds: 1 } })

  law('records survive a crash', async (t, { store, crash }) => {
    await record(store, 'a', 1, 2)
    const again = await crash()
    await record(again, 'a', 3)
    t.same(await numbersOf(again, 'a'), [1, 2, 3])
  }, MANY)

  law('recording moves no version and writes nothing to the log', async (t, { store }) => {
    await record(store, 'a', 1)
    t.match(await store.revision(), { version: 0, lag: 0 })
    t.same(await store.append([]), [])
  })
}
