import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { stateLines } from '../../src/store/encoding/state-file.js'
import { createStore } from '../../src/store/open/create-store.js'
import { metaRows, type StateRow } from '../../src/store/state-format.js'
import { temporaryFolder } from '../helper.js'
import { mulberry32 } from '../random.js'
import { cli } from '../service-process.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { state } from '../store/fixtures.js'
import { startProxy } from './proxy.js'

const CONTEXTS = 3000
const ROUNDS = 3
const random = mulberry32(3)

async function writeState (file: string): Promise<void> {
  async function * rows (): AsyncIterable<StateRow> {
    yield * metaRows({ salt: 's', version: 7, policy_version: 7, cursor: '5-0', last_id: '5-0', ledger: null, follow_up: null })
    for (let i = 0; i < CONTEXTS; i++) yield { table: 'contexts', key: `model=m${i},task=-`, value: state(i) }
    for (let i = 0; i < CONTEXTS; i++) yield { table: 'policies', key: `model=m${i}`, value: { mode: 'off' } }
  }
  let text = ''
  for await (const line of stateLines(rows(), new Date(0))) text += line
  await writeFile(file, text)
}

/** A store to import into, and how far an import has got: the sizes that its file had, or the commands that Redis was sent. */
interface Target {
  readonly env: NodeJS.ProcessEnv
  readonly options: Parameters<typeof createStore>[0]
  readonly progress: () => number
}

/** Kills imports at random points of their progress. The store must then have the whole state or nothing of it. */
async function killImports (t: Test, openTarget: () => Promise<Target>): Promise<void> {
  const file = join(await temporaryFolder(t), 'state.jsonl')
  await writeState(file)
  let whole = 0
  const found = new Map<number, number>()
  for (let round = 0; round < ROUNDS; round++) {
    const { env, options, progress } = await openTarget()
    const child = spawn(process.execPath, [cli, 'import', file, '--replace'], { env, stdio: 'ignore' })
    t.teardown(() => child.kill('SIGKILL'))
    const exit = once(child, 'exit')
    // The first import is not killed, to measure how far one gets, and the second is killed amid its last step, which is its commit.
    const end = [Infinity, whole][round] ?? Math.ceil(whole * random())
    while (child.exitCode === null && child.signalCode === null && progress() < end) await setImmediate()
    child.kill('SIGKILL')
    await exit
    whole = Math.max(whole, progress())
    const store = await createStore(options)
    const contexts = (await store.contextKeys()).length
    found.set(contexts, (found.get(contexts) ?? 0) + 1)
    t.equal((await store.policies()).size, contexts, `round ${round}: as many policies as contexts, ${contexts}`)
    t.equal((await store.revision()).version, contexts === 0 ? 0 : 7)
    await store.close()
  }
  t.same([...found.keys()].sort((a, b) => a - b).filter((contexts) => contexts !== 0), [CONTEXTS])
  t.comment(`${found.get(0) ?? 0} imports had written nothing and ${found.get(CONTEXTS)} everything`)
}

t.test('a killed import into a folder has written all or nothing', async (t) => {
  await killImports(t, async () => {
    const dataDir = await temporaryFolder(t)
    const data = join(dataDir, 'data.mdb')
    const sizes = new Set<number>()
    const progress = () => sizes.add(statSync(data, { throwIfNoEntry: false })?.size ?? 0).size
    return { env: { DATA_DIR: dataDir }, options: { dataDir }, progress }
  })
})

t.test('a killed import into Redis has written all or nothing', { skip: withoutRedis }, async (t) => {
  await killImports(t, async () => {
    const redis = await startRedis(t, DURABLE)
    const proxy = await startProxy(t, redis.port)
    let commands = 0
    proxy.judge = () => { commands++; return 'pass' }
    return { env: { REDIS_URL: proxy.url }, options: { redisUrl: redis.url, dataDir: '' }, progress: () => commands }
  })
})
