import t from 'tap'
import { modelStatus } from '../../src/health/model-status.js'
import { certify } from '../certify.js'
import { build } from '../helper.js'

t.test('the status counts contexts and the thresholds that their evidence certifies', async (t) => {
  const services = await build(t)
  t.match(modelStatus(services), { thresholds_in_force: 0, levels: ['model', 'task'], stale: false, store: { kind: 'embedded', up: true } })
  await certify(services)
  const { contexts, thresholds_in_force: inForce, version } = modelStatus(services)
  t.ok(contexts > 0 && inForce > 0 && inForce <= contexts, `${inForce} of ${contexts}`)
  t.equal(version, services.service.snapshot().version)
})
