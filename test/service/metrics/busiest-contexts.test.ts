import t from 'tap'
import { busiestContexts, keepLastKnown } from '../../../src/service/metrics/busiest-contexts.js'
import { losslessOutcome } from '../../certify.js'
import { build, until } from '../../helper.js'

t.test('at most 200 contexts and the root are read, and the last ones are kept during an outage', async (t) => {
  const { store, snapshotHolder, send } = await build(t)
  const outcomes = Array.from({ length: 250 }, (_, i) => losslessOutcome(`g${i}`, { model: 'q', task: `t${i}` }))
  await send('POST', '/v1/outcomes/batch', { outcomes })
  await until('all are loaded', () => snapshotHolder.loaded().links.size === 252)
  const { busiest, isLeaf, policyOf } = busiestContexts(store, snapshotHolder)
  const shown = await busiest()
  t.ok(shown.size >= 200 && shown.size <= 201 && shown.has('*'))
  t.equal(policyOf('model=q,task=t1')?.max_em_drop, 0.02)
  t.equal(policyOf('model=other'), undefined)
  t.ok(isLeaf('model=q,task=t1') && !isLeaf('model=q') && !isLeaf('*'))

  t.teardown(() => delete (store as unknown as Record<string, unknown>).readContexts)
  Object.defineProperty(store, 'readContexts', { configurable: true, value: () => Promise.reject(new Error('gone')) })
  t.equal(await busiest(), shown)
})

t.test('the last value stays while nothing can be read', async (t) => {
  let next: number[] | null = null
  const read = keepLastKnown(async () => { if (next === null) throw new Error('down'); return next }, [])
  t.same(await read(), [])
  next = [1]
  t.same(await read(), [1])
  next = null
  t.same(await read(), [1])
})
