import t from 'tap'
import { Cohorts } from '../../src/core/enrolment/cohorts.js'
import type { Pin } from '../../src/core/judgement/pin.js'
import { createPeriodicJobs } from '../../src/learning/periodic-jobs.js'
import type { Memory } from '../../src/learning/fold-entries.js'
import { build } from '../helper.js'
import { LEDGER } from '../store/fixtures.js'

t.test('expired pins are removed at once, and then at most once a second', async (t) => {
  const { store, learner } = await build(t)
  await learner.close()
  const runPeriodicJobs = createPeriodicJobs(store)
  const pin: Pin = { threshold: 0.5, reason: 'r', by: 'ops', expires_at: Date.now() - 1 }
  const run = async () => {
    await store.append([{ type: 'pin', key: '*', pin, by: 'ops', reason: 'r' }])
    const memory = { ledger: { ...LEDGER, pins: await store.pins() }, contexts: new Map(), cohorts: new Cohorts() }
    await runPeriodicJobs(memory as unknown as Memory)
    return (await store.pins()).size
  }
  t.equal(await run(), 0)
  t.equal(await run(), 1, 'the second call comes within the second')
})
