import { once } from 'node:events'
import t, { type Test } from 'tap'
import { EmbeddedStore } from '../../src/store/embedded/embedded-store.js'
import { RedisStore } from '../../src/store/redis/redis-store.js'
import type { Store } from '../../src/store/store.js'
import { temporaryFolder, until } from '../helper.js'
import { mulberry32 } from '../random.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { foldNext, idsIn, idsOf, outcomes, sumsOf } from './fixtures.js'
import { BATCH, startStoreProcess } from './store-process.js'
import { StoreUnavailableError } from '../../src/store/store-errors.js'

const random = mulberry32(5)
const ROUNDS = 3

/** The ids that were sent and acknowledged in all rounds. */
class Record {
  readonly acknowledged = new Set<string>()
  readonly #lastOf = new Map<string, number>()

  add (ids: readonly string[]): void {
    for (const id of ids) this.acknowledged.add(id)
    const [, writer, number] = /^(.*)-(\d+)-\d+$/.exec(ids[0]!)!
    this.#lastOf.set(writer!, Number(number))
  }

  /** All batches that may have been sent, and for each writer a batch that was not. */
  sent (): string[][] {
    return [...this.#lastOf].flatMap(([writer, last]) => Array.from({ length: last + 3 }, (_, i) => idsOf(`${writer}-${i}`, BATCH)))
  }
}

/** Sends everything again, as workers do. Acknowledged outcomes must be duplicates, batches must be whole, and each outcome counts once. */
async function check (t: Test, store: Store, record: Record): Promise<void> {
  const sent = record.sent()
  let lost = 0
  let torn = 0
  await Promise.all(sent.map(async (ids) => {
    const accepted = await store.append(outcomes(...ids))
    if (ids.some((id, i) => record.acknowledged.has(id) && accepted[i] === 'accepted')) lost++
    if (new Set(accepted).size !== 1) torn++
  }))
  t.match({ lost, torn }, { lost: 0, torn: 0 }, `of ${sent.length} batches`)
  const { cursor, contexts } = await store.learned()
  const waiting = idsIn((await store.read(cursor, 1_000_000, 0)).filter(({ entry }) => entry.type === 'outcome'))
  t.equal(new Set(waiting).size, waiting.length, 'no outcome is in the log twice')
  const folded = contexts.get('*')?.reports.generations ?? 0
  t.equal(folded + waiting.length, sent.length * BATCH, 'each outcome was folded once or waits once')
  if (folded > 0) t.same(await store.readSavings(folded), new Map([['*', sumsOf(folded)]]), 'the day that ended with the last commit')
  const later = await Promise.all(Array.from({ length: 50 }, (_, i) => store.readSavings(folded + 1 + i)))
  t.ok(later.every((day) => day === null), 'no day without its commit')
}

t.test('a killed process loses nothing that it acknowledged', async (t) => {
  const dataDir = await temporaryFolder(t)
  const record = new Record()
  for (let round = 0; round < ROUNDS; round++) {
    const before = record.acknowledged.size
    const { child, told } = await startStoreProcess(t, dataDir, `round${round}`, (told) => {
      if ('acknowledged' in told) record.add(told.acknowledged)
    })
    t.same(told, { opened: true }, 'the lock of the killed process is no obstacle')
    const enough = before + 100 + Math.floor(random() * 400)
    await until('it writes', () => record.acknowledged.size > enough)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const store = await EmbeddedStore.open({ dataDir, dedupSeconds: 3600 })
    t.teardown(() => store.close())
    await check(t, store, record)
    await store.close()
  }
})

t.test('a killed Redis loses nothing that it acknowledged', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const store = await RedisStore.open({ url: redis.url, dedupSeconds: 3600, timeoutMs: 2000 })
  t.teardown(() => store.close())
  const record = new Record()
  for (let round = 0; round < ROUNDS; round++) {
    const before = record.acknowledged.size
    const untilDown = async (step: (i: number) => Promise<void>) => {
      try { for (let i = 0; ; i++) await step(i) } catch (error) { if (!(error instanceof StoreUnavailableError)) throw error }
    }
    const writing = idsOf(`round${round}`, 8).map((writer) => untilDown(async (i) => {
      const ids = idsOf(`${writer}-${i}`, BATCH)
      await store.append(outcomes(...ids))
      record.add(ids)
    }))
    const token = (await store.acquireLease('learner', 60_000))!
    const folding = untilDown(() => foldNext(store, token, 1000))
    const enough = before + 100 + Math.floor(random() * 400)
    await until('it is written to', () => record.acknowledged.size > enough)
    await redis.stop('SIGKILL')
    await Promise.all([...writing, folding])
    await redis.start()
    await until('the store is connected again', () => store.revision().then(() => true, () => false))
    await check(t, store, record)
  }
})
