import t from 'tap'
import { KEY, losslessOutcome } from './certify.js'
import { temporaryFolder, until } from './helper.js'
import { startProcess } from './service-process.js'

t.test('learns in its thread from the store of the process', async (t) => {
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t), DEFAULT_POLICY: '{"settle_seconds":0}' })
  await until('it leads', async () => (await service.get('/readyz')).body.learner.leader)
  await service.post('/v1/outcomes', losslessOutcome('one'))
  await until('it is learned', async () => (await service.get(`/v1/contexts/${encodeURIComponent(KEY)}`)).body.control_generations === 1)
  await until('its log came', () => service.log.find(({ msg }) => msg === 'this replica is the learner'))
  service.child.kill('SIGTERM')
  t.same(await service.exited, { code: 0, signal: null })
  t.ok(service.log.some(({ msg }) => msg === 'this replica is no longer the learner'), 'it gave the lease back')
})
