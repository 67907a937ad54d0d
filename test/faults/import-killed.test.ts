import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { stateLines } from '../../src/store/encoding/state-file.js'
import { createStore } from '../../src/store/open/create-store.js'
import { metaRows, sortRows, type StateRow } from '../../src/store/state-format.js'
import { temporaryFolder } from '../helper.js'
import { mulberry32 } from '../random.js'
import { cli } from '../service-process.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { state } from '../store/fixtures.js'

const CONTEXTS = 3000
const ROUNDS = 2
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

/** Kills imports at random times. The store must then have the whole state or nothing of it. */
async function killImports (t: Test, env: NodeJS.ProcessEnv, open: Parameters<typeof createStore>[0]): Promise<void> {
  const file = join(await temporaryFolder(t), 'state.jsonl')
  await writeState(file)
  let longest = 0
  const found = new Map<number, number>()
  for (let round = 0; round < ROUNDS; round++) {
    const child = spawn(process.execPath, [cli, 'import', file, '--replace'], { env, stdio: 'ignore' })
    const exit = once(child, 'exit')
    const start = performance.now()
    // The first import is not killed, to measure how long one takes.
    if (round > 0) await Promise.race([exit, setTimeout(longest * (0.6 + 0.5 * random()))])
    if (round > 0) child.kill('SIGKILL')
    await exit
    longest = Math.max(longest, performance.now() - start)
    const store = await createStore(open)
    const contexts = (await store.contextKeys()).length
    found.set(contexts, (found.get(contexts) ?? 0) + 1)
    t.equal((await store.policies()).size, contexts, `round ${round}: as many policies as contexts, ${contexts}`)
    t.equal((await store.revision()).version, contexts === 0 ? 0 : 7)
    if (contexts > 0) await store.importRows(EMPTY, true)
    await store.close()
  }
  t.same([...found.keys()].sort((a, b) => a - b).filter((contexts) => contexts !== 0), [CONTEXTS])
  t.comment(`${found.get(0) ?? 0} imports had written nothing and ${found.get(CONTEXTS)} everything; an import takes ${Math.round(longest)} ms`)
}

const EMPTY = sortRows(metaRows({ salt: 's', version: 0, policy_version: 0, cursor: '0-0', last_id: '0-0', ledger: null, follow_up: null }))

t.test('a killed import into a folder has written all or nothing', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  await killImports(t, { DATA_DIR }, { dataDir: DATA_DIR })
})

t.test('a killed import into Redis has written all or nothing', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  await killImports(t, { REDIS_URL: redis.url }, { redisUrl: redis.url, dataDir: '' })
})
