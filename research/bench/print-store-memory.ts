import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { contextKey } from '../../src/core/policy/context.js'
import { readConfig } from '../../src/service/config/config.js'
import { startLearner } from '../../src/service/learner/learner.js'
import { EmbeddedStore } from '../../src/store/embedded/embedded-store.js'
import { openRoot, tablesIn, type Tables } from '../../src/store/embedded/embedded-tables.js'
import { KEYS, RECENT } from '../../src/store/redis/redis-keys.js'
import { RedisStore } from '../../src/store/redis/redis-store.js'
import type { Store } from '../../src/store/store.js'
import { outcomeOf } from '../../test/core/learn/memory-fold.js'
import { commitOf, TICK } from '../../test/store/fixtures.js'
import { end, removeFolders, startRedis, temporaryFolder } from './processes.js'
import { leafOf, seed } from '../../test/store/seeded-state.js'

// `npm run memory` prints the bytes that a store has for each context, enrolment and generation: in the memory of a Redis, and in the file
// of the embedded store. Sizes: CONTEXTS=1000 GENERATIONS=100000.

const CONTEXTS = Number(process.env.CONTEXTS ?? 1000)
const GENERATIONS = Number(process.env.GENERATIONS ?? 100_000)
/** Draws in an entry of an enrolment list. */
const DRAWS = 64
const AT_ONCE = 250
const STEPS = Array.from({ length: 10 }, (_, i) => ({ tokens: 32 * (i + 1), confidence: 0.1 * (i + 1) - 0.0051, exact_match: 1 as const }))

/** The parts of a store that grow, and what a row of the table is about. */
const PARTS = {
  contexts: 'a context, after some hundred generations',
  enrolments: 'an open enrolment',
  waiting: 'an outcome of ten steps that the learner has not read',
  ids: 'a remembered generation id of 36 characters',
} as const

type Part = keyof typeof PARTS
type Figures = Partial<Record<Part, number>>

interface Measured {
  readonly store: () => Promise<Store>
  /** Bytes of a part. */
  readonly bytes: (part: Part) => Promise<number>
  readonly config: Readonly<Record<string, string>>
}

/** Commits the whole log, so that nothing waits in it. */
async function clearLog (store: Store): Promise<void> {
  const token = (await store.acquireLease('memory', 60_000))!
  const { cursor } = await store.learned()
  let to = cursor
  for (let last; (last = (await store.read(to, 10_000, 0)).at(-1)) !== undefined;) to = last.cursor
  await store.commit(commitOf(token, { from: cursor, to }))
  await store.releaseLease(token)
}

/** Enrols generations that are not reported, and waits until the learner has them. */
async function enrol (store: Store, config: Measured['config']): Promise<void> {
  const read = readConfig({ ...config, DEFAULT_POLICY: '{"check_every_tokens":32,"check_growth":0}' })
  const learner = startLearner({ store, config: read, log: pino({ level: 'silent' }) })
  for (let number = 1; number <= CONTEXTS; number++) {
    const key = contextKey(['model', 'task'], leafOf(number - 1))
    const draws = Array.from({ length: DRAWS }, () => [Math.random(), Math.random()] as const)
    await store.append([{ type: 'enrolment', boot: 'memory', number, age: 100, entries: [{ key, epoch: null, share: 1, draws }] }])
  }
  while ((await store.revision()).lag > 0) await setTimeout(50)
  await learner.close()
}

async function report (store: Store, count: number): Promise<void> {
  for (let i = 0; i < count; i += AT_ONCE) {
    await store.append(Array.from({ length: AT_ONCE }, () => outcomeOf({ generation_id: randomUUID(), steps: STEPS })))
  }
}

/** Remembers ids without a log that grows. */
async function remember (store: Store): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await report(store, GENERATIONS / 10)
    await clearLog(store)
  }
}

async function figuresOf ({ store, bytes, config }: Measured): Promise<Figures> {
  const figures: Figures = {}
  const grow = async (part: Part, count: number, work: (store: Store) => Promise<void>) => {
    const before = await bytes(part)
    await work(await store())
    figures[part] = (await bytes(part) - before) / count
  }
  await grow('contexts', CONTEXTS, (store) => seed(store, CONTEXTS))
  await grow('enrolments', CONTEXTS * DRAWS, (store) => enrol(store, config))
  await clearLog(await store())
  await grow('waiting', GENERATIONS / 10, (store) => report(store, GENERATIONS / 10))
  await clearLog(await store())
  await grow('ids', GENERATIONS, remember)
  return figures
}

const LIMITS = { dedupSeconds: 604_800, maxLogEntries: 10_000_000 }

/** The memory of keys where there are few, and otherwise of the whole server. */
function inRedis (redis: Redis, store: Store, url: string): Measured {
  const keys: Partial<Record<Part, string>> = { contexts: KEYS.contexts, enrolments: KEYS.cohorts, waiting: KEYS.log }
  return {
    store: async () => store,
    config: { REDIS_URL: url },
    async bytes (part) {
      const key = keys[part]
      if (key === undefined) return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1])
      return Number(await redis.memory('USAGE', key, 'SAMPLES', 0) ?? 0)
    },
  }
}

/** Ids in a Cluster: in a bucket beside the log, and in their partitions. */
async function idsInCluster (redis: Redis, url: string): Promise<Record<'bucket' | 'partition', number>> {
  await redis.flushall()
  const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1])
  const open = (bucketMs: number) => RedisStore.open({ ...LIMITS, url, timeoutMs: 30_000, partitions: 64, bucketMs })
  const keeping = await open(1e9)
  await keeping.revision()
  const before = await used()
  await remember(keeping)
  const bucket = (await used() - before) / GENERATIONS
  await keeping.close()
  const moving = await open(0)
  while ((await redis.exists(...RECENT)) > 0) {
    await moving.append([TICK])
    await clearLog(moving)
    await setTimeout(50)
  }
  const partition = (await used() - before) / GENERATIONS
  await moving.close()
  return { bucket, partition }
}

/** The pages of tables in the file. */
function inFile (dataDir: string): Measured & { close: () => Promise<void> } {
  const tablesOf = (part: Part, { contexts, cohorts, log, seen, seenAt }: Tables) =>
    ({ contexts: [contexts], enrolments: [cohorts], waiting: [log], ids: [seen, seenAt] })[part]
  let open: EmbeddedStore | null = null
  const close = async () => { await open?.close(); open = null }
  return {
    config: { DATA_DIR: dataDir },
    async store () {
      open ??= await EmbeddedStore.open({ ...LIMITS, dataDir })
      return open
    },
    async bytes (part) {
      await close()
      const tables = tablesIn(openRoot(dataDir))
      const pages = tablesOf(part, tables).map((table) => table.getStats() as Record<string, number>)
      const size = pages.reduce((sum, { pageSize, treeBranchPageCount, treeLeafPageCount, overflowPages }) =>
        sum + pageSize! * (treeBranchPageCount! + treeLeafPageCount! + overflowPages!), 0)
      await tables.root.close()
      return size
    },
    close,
  }
}

const server = await startRedis(true)
const redis = new Redis(server.url)
const store = await RedisStore.open({ ...LIMITS, url: server.url, timeoutMs: 30_000 })
const ofRedis = await figuresOf(inRedis(redis, store, server.url))
await store.close()
const { bucket, partition } = await idsInCluster(redis, server.url)
const file = inFile(await temporaryFolder())
const ofFile = await figuresOf(file)
await file.close()
const bytes = (value: number) => value >= 1000 ? `${Math.round(value).toLocaleString('en-GB')} B` : `${Math.round(value)} B`
console.log('| | Redis, memory | embedded store, file |\n|---|---|---|')
for (const [part, text] of Object.entries(PARTS) as Array<[Part, string]>) console.log(`| ${text} | ${bytes(ofRedis[part]!)} | ${bytes(ofFile[part]!)} |`)
console.log(`| the same id in a Cluster, beside the log (for one to two minutes) | ${bytes(bucket)} | |`)
console.log(`| the same id in a Cluster, in its partition (for a week) | ${bytes(partition)} | |`)
redis.disconnect()
await end(server.child)
await removeFolders()
