import t from 'tap'
import { type Columns, decideColumns, stepAt } from '../../../src/core/decide/decide-columns.js'
import { decide } from '../../../src/core/decide/decide.js'
import { ANYBODY } from '../../../src/service/access/context-access.js'
import type { TakenDecision } from '../../../src/service/decision-log/log-buffer.js'
import { answerColumns, logRows } from '../../../src/service/decisions/answer-columns.js'
import { logStep } from '../../../src/service/decisions/answer-step.js'
import { CONTEXT } from '../../certify.js'
import { PREDICTOR, snapshotOf } from '../../core/decide/snapshot-of.js'
import { build } from '../../helper.js'

t.test('rows are decided, counted by reason and recorded; invalid rows are only listed', async (t) => {
  const services = await build(t)
  const answer = answerColumns(services, {
    contexts: [CONTEXT, { colour: 'red' }],
    context: [0, 0, 1, 0],
    tokens: [32, 32, 32, 32],
    confidence: [0.5, null, 0.5, 0.5],
    generation_ids: ['a', 'b', 'c', null],
    arms: ['control', 'treated', 'control', 'control'],
  }, ANYBODY)
  t.match(answer, { stop: [], control: [0, 3], errors: [{ index: 2, path: '/contexts/1/colour' }], contexts: [{ threshold: null }, null] })
  await services.recorder.flush()
  t.same([...(await services.store.stepRecords.read(['a', 'b', 'c'])).keys()], ['a'])
  const text = await services.metrics.render()
  t.match(text, 'stopgate_decisions_total{decision="continue",reason="no_threshold"} 3\n')
})

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

const NO_STOPS = { isTaken: false, decided () {} }

function logged (isTreatedTaken: boolean): TakenDecision[] {
  const taken: TakenDecision[] = []
  const decisionLog = { isTreatedTaken, takes: () => true, decided: (one: TakenDecision) => { taken.push(one) } }
  logRows({ decisionLog, stopLog: NO_STOPS }, columns, decideColumns(snapshot, 'fresh', columns, new Set([5])), { snapshot, enrolled: new Set([1]), caller: ANYBODY })
  return taken
}

t.test('rows are logged exactly as single steps are; rows without an id and invalid ones are not', async (t) => {
  const expected: TakenDecision[] = []
  const decisionLog = { isTreatedTaken: true, takes: () => true, decided: (one: TakenDecision) => { expected.push(one) } }
  for (const row of [0, 1, 2, 3]) {
    const step = stepAt(columns, row)
    logStep({ decisionLog, stopLog: NO_STOPS }, step, decide(snapshot, 'fresh', step), { isEnrolled: row === 1, caller: ANYBODY })
  }
  const key = ({ source, ...taken }: TakenDecision) => ({ ...taken, source: source === 'model=new,task=-' ? null : source })
  t.strictSame(logged(true).map(key), expected.map(key))
})

t.test('if no treated generation may be logged, only control rows are checked', async (t) => {
  t.strictSame(logged(false).map(({ id }) => id), ['b', 'd'])
})

t.test('columns without ids are not logged', async (t) => {
  const { generation_ids: _, ...nameless } = columns
  const decisionLog = { isTreatedTaken: true, takes: () => true, decided: () => { t.fail('nothing to log') } }
  logRows({ decisionLog, stopLog: NO_STOPS }, nameless, decideColumns(snapshot, 'fresh', nameless, new Set()), { snapshot, enrolled: new Set(), caller: ANYBODY })
})

t.test('each row that stops is logged as a stop, as a single step is, whatever the share of the decision log', async (t) => {
  const inColumns: TakenDecision[] = []
  const single: TakenDecision[] = []
  const decisionLog = { isTreatedTaken: false, takes: () => false, decided: () => { t.fail('not taken') } }
  const stops = (list: TakenDecision[]) => ({ isTaken: true, decided: (one: TakenDecision) => { list.push(one) } })
  logRows({ decisionLog, stopLog: stops(inColumns) }, columns, decideColumns(snapshot, 'fresh', columns, new Set([5])), { snapshot, enrolled: new Set(), caller: ANYBODY })
  for (const row of [0, 1, 2, 3]) {
    const step = stepAt(columns, row)
    logStep({ decisionLog, stopLog: stops(single) }, step, decide(snapshot, 'fresh', step), { isEnrolled: false, caller: ANYBODY })
  }
  t.ok(single.length > 0)
  const fields = ({ id, reason, score, threshold }: TakenDecision) => [id, reason, score, threshold]
  t.strictSame(inColumns.map(fields), single.map(fields))
})
