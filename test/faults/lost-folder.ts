import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder, until } from '../helper.js'
import { startProcess } from '../service-process.js'
import { treatedOutcome } from './treated-outcome.js'

export const step = { arm: 'control', tokens: 32, confidence: 0.5, context: { model: 'm' } }

/** A service whose data folder goes refuses outcomes, and so does a second one on the path until the first has ended. */
export async function noticesLoss (t: Test, remove: (folder: string) => Promise<unknown>): Promise<void> {
  const DATA_DIR = join(await temporaryFolder(t), 'data')
  const service = startProcess(t, { DATA_DIR })
  t.match(await service.post('/v1/outcomes', treatedOutcome('a')), { status: 202 })
  await until('the learner has opened the folder', async () => (await service.get('/readyz')).body.learner.leader)
  await remove(DATA_DIR)
  t.match(await service.post('/v1/outcomes', treatedOutcome('b')), { status: 503 }, 'the first outcome after it is refused')
  t.match(await service.post('/v1/decisions', step), { status: 200 })
  const { body } = await service.get('/readyz')
  t.match(body, { ready: true, store: { up: false } })
  t.match(body.warnings[0], /deleted or replaced.*Restore DATA_DIR and restart|Restore DATA_DIR and restart.*deleted or replaced/)
  const second = startProcess(t, { DATA_DIR })
  t.match(await second.exited, { code: 1 }, 'no second service starts on the path while the first runs')
  t.match(second.stderr(), /was deleted or replaced, and the process that used it still runs/)
  service.child.kill('SIGTERM')
  await service.exited
  await startProcess(t, { DATA_DIR }).url()
}
