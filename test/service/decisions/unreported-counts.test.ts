import t from 'tap'
import { secondHash, uniform } from '../../../src/core/assignment/arm.js'
import { type Columns, decideColumns, stepAt } from '../../../src/core/decide/decide-columns.js'
import { decideStep, type Step } from '../../../src/core/decide/decide.js'
import { DrawBuffer, type EnrolmentEntry } from '../../../src/core/enrolment/enrolment-list.js'
import { countUnreportedRows, countUnreportedStep, UnreportedCounts } from '../../../src/service/decisions/unreported-counts.js'
import { snapshotOf } from '../../core/decide/snapshot-of.js'

const sampled = { index: 10, learnedControlShare: 0.2, epochName: '7-0', policy: { reports: 'enrolled' } } as const
const snapshot = snapshotOf({ 'model=q,task=x': sampled, 'model=q,task=y': { ...sampled, policy: { reports: 'all' } } })
const [x, y] = [{ model: 'q', task: 'x' }, { model: 'q', task: 'y' }]

/** Ids with draws in each part: control, treated and enrolled, treated and not enrolled. */
const idsBetween = (low: number, high: number) =>
  Array.from({ length: 200 }, (_, i) => `g${i}`).filter((id) => uniform('salt', id) >= low && uniform('salt', id) < high)
const [control, enrolled, others] = [idsBetween(0, 0.2), idsBetween(0.2, 0.4), idsBetween(0.4, 1)]

function entriesOf (act: (sink: { unreported: UnreportedCounts['of'] }) => void): EnrolmentEntry[] {
  const counts = new UnreportedCounts()
  act({ unreported: (rule, drawnIn) => counts.of(rule, drawnIn) })
  const buffer = new DrawBuffer()
  counts.moveTo(buffer)
  counts.moveTo(buffer) // each is counted once
  return buffer.take(0)?.entries ?? []
}

/** A first step that goes on, and a second one that stops. */
const stepsOf = (id: string, context = x): Step[] => [
  { generation_id: id, tokens: 32, confidence: 0.5, context },
  { generation_id: id, tokens: 64, confidence: 1, context, arm: uniform('salt', id) < 0.2 ? 'control' : 'treated' },
]

const ENTRY = { key: 'model=q,task=x', epoch: '7-0', share: 0.2, draws: [] }

t.test('generations that need not report are counted, with their steps and stops, and no others', async (t) => {
  const counted = (steps: readonly Step[]) => entriesOf((sink) => {
    for (const step of steps) countUnreportedStep(sink, snapshot, step, decideStep(snapshot, 'fresh', step))
  })
  const { length } = others
  const unreported = { generations: length, steps: 2 * length, stops: length }
  t.strictSame(counted(others.flatMap((id) => stepsOf(id))), [{ ...ENTRY, unreported }])
  t.strictSame(counted([...control, ...enrolled].flatMap((id) => stepsOf(id))), [])
  t.strictSame(counted(others.flatMap((id) => stepsOf(id, y))), [], 'where all report')
  t.strictSame(counted([{ tokens: 32, confidence: 0.5, context: x }, { ...stepsOf(others[0]!)[1]!, retry_of: 'g' }]), [], 'without an id, and a retry')
  const hashed = others.map((id) => ({ generation_id: id, prompt_hash: enrolled[0]!, tokens: 64, confidence: 0.5, context: x, arm: 'treated' as const }))
  t.ok(secondHash('salt', others[0]!) < 1)
  t.strictSame(counted(hashed), [], 'a prompt whose draw is enrolled')
})

t.test('a later step of a generation that began while all reported is counted, since steps do not say so', async (t) => {
  const [first, second] = stepsOf(others[0]!)
  const before = snapshotOf({ 'model=q,task=x': { ...sampled, policy: { reports: 'all' } } })
  t.strictSame(entriesOf((sink) => {
    countUnreportedStep(sink, before, first!, decideStep(before, 'fresh', first!))
    countUnreportedStep(sink, snapshot, second!, decideStep(snapshot, 'fresh', second!))
  }), [{ ...ENTRY, unreported: { generations: 0, steps: 1, stops: 1 } }])
})

t.test('rows are counted as single steps are', async (t) => {
  const steps = [...control, ...enrolled, ...others].flatMap((id) => [...stepsOf(id), ...stepsOf(id, y)])
  const contexts = [x, y]
  const columns: Columns = {
    contexts,
    context: steps.map(({ context }) => contexts.indexOf(context as typeof x)),
    tokens: steps.map(({ tokens }) => tokens),
    confidence: steps.map(({ confidence }) => confidence),
    generation_ids: steps.map(({ generation_id: id }) => id!),
    arms: steps.map(({ arm }) => arm ?? null),
    retry_of: steps.map((_, i) => i === 5 ? 'g' : null),
  }
  const bad = new Set([7])
  const single = entriesOf((sink) => {
    for (const row of columns.context.keys()) {
      if (!bad.has(row)) countUnreportedStep(sink, snapshot, stepAt(columns, row), decideStep(snapshot, 'fresh', stepAt(columns, row)))
    }
  })
  t.ok(single[0]!.unreported!.stops > 50)
  t.strictSame(entriesOf((sink) => { countUnreportedRows(sink, snapshot, columns, decideColumns(snapshot, 'fresh', columns, bad)) }), single)
})

t.test('counts and draws of one context share an entry', async (t) => {
  const buffer = new DrawBuffer()
  const drawn = { key: 'k', epoch: '1-1', share: 0.2 }
  buffer.add(drawn, 0.1, 0.5, 10)
  buffer.count(drawn, { generations: 1, steps: 2, stops: 0 })
  buffer.count(drawn, { generations: 1, steps: 1, stops: 1 })
  const unreported = { generations: 2, steps: 3, stops: 1 }
  t.strictSame(buffer.take(0), { since: 10, entries: [{ ...drawn, draws: [[0.1, 0.5]], unreported }] })
  t.equal(buffer.take(0), null)
})
