import { pino } from 'pino'
import t from 'tap'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { ANYBODY } from '../../../src/service/access/context-access.js'
import { createRefusedStops } from '../../../src/service/outcomes/refused-stops.js'
import { StoreUnavailableError } from '../../../src/store/store-errors.js'
import { driveClock } from '../../clock.js'
import { snapshotOf } from '../../core/decide/snapshot-of.js'

const [LEAF, POOL] = ['model=q,task=gsm8k', 'model=pool']
const context = { model: 'q', task: 'gsm8k' }
const stop = { generation_id: 'g', stopped: true, context }

/** What was appended when the appends of the first calls fail. */
function refusing (failures: readonly Error[] = []) {
  const appended: LogEntry[] = []
  const left = [...failures]
  const store = {
    append: async (entries: readonly LogEntry[]) => {
      const failure = left.shift()
      if (failure !== undefined) throw failure
      appended.push(...entries)
      return []
    },
  }
  const snapshot = snapshotOf({
    [LEAF]: { index: 3, epochName: '1-0' },
    [POOL]: { index: 3, isSuspended: true, epochName: '1-0', policy: { certify_at: 'model' } },
    'model=pool,task=a': { knownEpoch: '1-0', policy: { certify_at: 'model' } },
    'model=pool,task=b': { knownEpoch: '1-0', policy: { certify_at: 'model' } },
    'model=new,task=a': { epochName: '1-0' },
  })
  const stops = createRefusedStops({
    store, snapshotHolder: { snapshot: () => snapshot }, config: { levels: ['model', 'task'] }, log: pino({ level: 'silent' }),
  })
  return { stops, appended }
}

t.test('refused stops are counted by the context that certifies for them, in one entry however many they are', async (t) => {
  const { stops, appended } = refusing()
  for (let i = 0; i < 1000; i++) stops.note(stop, ANYBODY)
  for (const task of ['a', 'b']) stops.note({ ...stop, context: { model: 'pool', task } }, ANYBODY)
  t.same(appended, [], 'nothing waits for the store')
  await stops.close()
  t.same(appended, [{ type: 'refused_stops', stops: [[LEAF, 1000], [POOL, 2]] }], 'the threshold of the pool is suspended, and its guards have to see again')
})

t.test('what is no stop, or of no threshold, is not counted', async (t) => {
  const { stops, appended } = refusing()
  const others = [
    null, 'stop', 7, [], {}, { ...stop, stopped: false }, { ...stop, stopped: 'yes' }, { ...stop, retry_of: 'f' }, { ...stop, context: null },
    { ...stop, context: 'q' }, { ...stop, context: { model: 7 } }, { ...stop, context: { colour: 'red' } }, { stopped: true },
    { ...stop, context: { model: 'new', task: 'a' } }, { ...stop, context: { model: 'unknown' } },
  ]
  for (const other of others) stops.note(other, ANYBODY)
  stops.note(stop, { tokenName: 'tenant', tokenPrefix: 'model=pool' })
  await stops.close()
  t.same(appended, [])
})

t.test('counts that cannot be appended are sent with the next ones', async (t) => {
  const clock = driveClock(t)
  const { stops, appended } = refusing([new StoreUnavailableError('away'), new Error('odd')])
  for (let i = 0; i < 2; i++) {
    stops.note(stop, ANYBODY)
    await clock.advance(1000)
    t.same(appended, [])
  }
  stops.note(stop, ANYBODY)
  await stops.close()
  t.same(appended, [{ type: 'refused_stops', stops: [[LEAF, 3]] }])
})
