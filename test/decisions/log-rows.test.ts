import t from 'tap'
import { decide } from '../../src/core/decide/decide.js'
import { decideColumns, stepAt, type Columns } from '../../src/core/decide/decide-columns.js'
import { logRows } from '../../src/decisions/log-rows.js'
import { logStep } from '../../src/decisions/log-step.js'
import type { TakenDecision } from '../../src/decision-log/log-buffer.js'
import { PREDICTOR, snapshotOf } from '../core/decide/snapshot-of.js'
import { ANYBODY } from '../../src/access/context-access.js'

const snapshot = snapshotOf({ 'model=q,task=x': { index: 3 }, 'model=q,task=p': { scorer: PREDICTOR.name, index: 3 } })
const columns: Columns = {
  contexts: [{ model: 'q', task: 'x' }, { model: 'q', task: 'p' }, { model: 'new' }],
  context: [0, 1, 1, 2, 0, 0],
  tokens: [32, 64, 96, 128, 160, 192],
  confidence: [1, 0.9, null, 0.5, 0.5, 0.5],
  generation_ids: ['a', 'b', 'c', 'd', null, 'bad'],
  arms: ['treated', 'control', 'treated', 'control', 'control', 'treated'],
  signals: { entropy: [0.1, 0.2, null, 0.3, 0.4, 0.5] },
  em: [null, 1, null, null, null, null],
  answer: [null, null, 'x', null, null, null],
}

function logged (isTreatedTaken: boolean): TakenDecision[] {
  const taken: TakenDecision[] = []
  const log = { isTreatedTaken, takes: () => true, decided: (one: TakenDecision) => { taken.push(one) } }
  logRows(log, columns, decideColumns(snapshot, 'fresh', columns, new Set([5])), { snapshot, enrolled: new Set([1]), caller: ANYBODY })
  return taken
}

t.test('rows are logged exactly as single steps are; rows without an id and invalid ones are not', async (t) => {
  const expected: TakenDecision[] = []
  const log = { takes: () => true, decided: (one: TakenDecision) => { expected.push(one) } }
  for (const row of [0, 1, 2, 3]) {
    const step = stepAt(columns, row)
    logStep(log, step, decide(snapshot, 'fresh', step), { isEnrolled: row === 1, caller: ANYBODY })
  }
  const key = ({ source, ...taken }: TakenDecision) => ({ ...taken, source: source === 'model=new,task=-' ? null : source })
  t.strictSame(logged(true).map(key), expected.map(key))
})

t.test('where no treated generation may be taken, only control rows are looked at', async (t) => {
  t.strictSame(logged(false).map(({ id }) => id), ['b', 'd'])
})

t.test('columns without ids are not logged', async (t) => {
  const { generation_ids: _, ...nameless } = columns
  const log = { isTreatedTaken: true, takes: () => true, decided: () => { t.fail('nothing to log') } }
  logRows(log, nameless, decideColumns(snapshot, 'fresh', nameless, new Set()), { snapshot, enrolled: new Set(), caller: ANYBODY })
})
