import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { temporaryFolder, until } from '../helper.js'
import { startProcess } from '../service-process.js'
import { withoutFileLimit } from '../store/file-limit.js'
import { noticesLoss, step } from './lost-folder.js'
import { treatedGenerations, treatedOutcome } from './treated-outcome.js'

t.test('a second process on the folder ends with a message, and the first continues', async (t) => {
  const env = { DATA_DIR: await temporaryFolder(t) }
  const first = startProcess(t, env)
  await first.url()
  const second = startProcess(t, env)
  t.match(await second.exited, { code: 1, signal: null })
  t.match(second.stderr(), /DATA_DIR/)
  t.match(await first.post('/v1/outcomes', treatedOutcome('g')), { status: 202 })
})

t.test('a full disk refuses outcomes, and decisions continue and nothing acknowledged is lost', { skip: withoutFileLimit }, async (t) => {
  const env = { DATA_DIR: await temporaryFolder(t) }
  const first = startProcess(t, env, { deafTo: 'XFSZ' })
  await first.url()
  let sent = 0
  let kept = 0
  const batch = async () => {
    const outcomes = Array.from({ length: 100 }, () => treatedOutcome(`g${sent++}`))
    const { status } = await first.post('/v1/outcomes/batch', { outcomes })
    if (status === 202) kept += 100
    return status
  }
  const limit = (size: number | string) => execFileSync('prlimit', [`--pid=${first.child.pid}`, `--fsize=${size}:unlimited`])
  limit(statSync(join(env.DATA_DIR, 'data.mdb')).size + 200_000)
  await until('there is no room', async () => await batch() === 503 && !(await first.get('/readyz')).body.store.up) // a busy machine gives 503, too
  t.match(await first.post('/v1/decisions', step), { status: 200, body: { decision: 'continue' } })
  t.match(await first.get('/readyz'), { status: 200, body: { ready: true, store: { up: false }, warnings: [/Make room on the disk of DATA_DIR/] } })
  await until('the log says so', async () => {
    await batch() // what is learned frees pages of the file, so there may be room for some
    return first.log.some(({ msg }) => /Make room on the disk of DATA_DIR/.test(String(msg)))
  })
  for (let i = 0; i < 20; i++) await batch()
  t.notMatch(first.stderr(), /\n {4}at /, 'no stack trace for a request')
  limit('unlimited')
  await until('the warning is gone, though nobody reports', async () => (await first.get('/readyz')).body.warnings.length === 0)
  await until('there is room', async () => await batch() === 202)
  first.child.kill('SIGKILL')
  await first.exited

  const second = startProcess(t, env)
  const generations = await until('all is learned', async () => {
    const count = await treatedGenerations(second.get)
    return count >= kept && count
  })
  t.equal(generations, kept, `of ${sent} sent`)
})

t.test('a data folder that is deleted under a running service is noticed, and outcomes are refused', async (t) => {
  await noticesLoss(t, (folder) => rm(folder, { recursive: true }))
})
