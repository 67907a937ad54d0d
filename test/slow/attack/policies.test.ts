import t, { type Test } from 'tap'
import type { Command } from '../../../src/core/learn/log-entry.js'
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.js'
import { elapsed } from '../../clock.js'
import { temporaryFolder, until } from '../../helper.js'
import { startProcess, type ServiceProcess } from '../../service-process.js'

/** Policies in the fuller of two services. */
const POLICIES = Number(process.env.POLICIES ?? 1000)
const FEW = 10
const PUTS = 40

/** A service whose policies were set before it started. */
async function serviceWith (t: Test, policies: number): Promise<ServiceProcess> {
  const DATA_DIR = await temporaryFolder(t)
  const store = await EmbeddedStore.open({ dataDir: DATA_DIR })
  const commands = Array.from({ length: policies }, (_, i): Command =>
    ({ type: 'policy', key: `model=m${i % 20},task=t${i}`, policy: { max_em_drop: 0.02 }, by: 'operator' }))
  for (let i = 0; i < policies; i += 500) await store.append(commands.slice(i, i + 500))
  await store.close()
  const service = startProcess(t, { DATA_DIR, MAX_CONTEXTS: String(2 * POLICIES) })
  await until('the learner has folded them', async () => (await service.get('/readyz')).body.learner.leader && (await service.get('/v1/snapshot')).body.learner.log_lag === 0)
  return service
}

t.test('policies are set among many and among a few, and the times are shown', { timeout: 300_000 }, async (t) => {
  const services = [await serviceWith(t, FEW), await serviceWith(t, POLICIES)]
  const times: number[][] = [[], []]
  for (let i = 0; i < PUTS; i++) {
    for (const [which, service] of services.entries()) {
      const startedAt = elapsed()
      t.equal((await service.put(`/v1/contexts/model=n,task=t${i}/policy`, { max_em_drop: 0.03 })).status, 200)
      times[which]!.push(elapsed() - startedAt)
    }
  }
  const [few, many] = times.map((all) => all.sort((a, b) => a - b)[PUTS >> 1]!)
  t.comment(`median of a PUT among ${FEW} policies ${few!.toFixed(1)} ms, among ${POLICIES} ${many!.toFixed(1)} ms`)
})
