import t from 'tap'
import { MOST_STEPS } from '../../../src/core/recording/trace-slot.js'
import { enrolledFold } from './enrolled-fold.js'
import { KEPT, LEAF, memoryFold, outcomeOf, SURE_STEP } from './memory-fold.js'

t.test('a control outcome is kept with all its steps, under its epoch', async (t) => {
  const fold = memoryFold()
  const idle = { tokens: 10, confidence: 0.01, exact_match: 0 } as const
  fold.learn(outcomeOf({ steps: [idle, SURE_STEP], asked_tokens: 4 }), 7)
  const [name, trace] = [...fold.traces][0]!
  t.match(name, new RegExp(`^${LEAF} \\d+$`))
  t.match(trace, { epoch: fold.state().epoch_name, tokens: 100, em: 1, probe_tokens: 4 })
  t.match(trace.steps, { tokens: [10, 40], confidence: [0.01, 1], answers: '01' })
})

t.test('treated outcomes, those without steps and very long ones are not kept', async (t) => {
  const fold = memoryFold()
  const long = Array.from({ length: MOST_STEPS + 1 }, (_, i) => ({ ...SURE_STEP, tokens: i }))
  for (const odd of [{ arm: 'treated' }, { steps: null }, { steps_complete: false }, { steps: long }] as const) {
    fold.learn({ ...KEPT, ...odd })
  }
  t.equal(fold.traces.size, 0)
})

t.test('an outcome that awaits its label keeps its steps until then', async (t) => {
  const fold = enrolledFold()
  const idle = { tokens: 10, confidence: 0.01, answer_digest: 'z' }
  fold.enrol([0.1], 0)
  fold.report(0.1, 1000, { full: {}, answer_digest: 'x', steps: [idle, { tokens: 40, confidence: 1, answer_digest: 'y' }] })
  t.equal(fold.traces.size, 0)
  fold.learn({ type: 'label', generation_id: 'g0.1', em: 1 }, 2000)
  t.match([...fold.traces.values()], [{ em: 1, steps: { tokens: [10, 40], answers: '00' } }])
})

t.test('once traces are plenty, most outcomes that await their label are reduced to the steps that count, and are no traces', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.states.set(LEAF, { ...fold.state(), follow_up: { ...fold.state().follow_up, reported: 1e6 } })
  const idle = { tokens: 10, confidence: 0.01, answer_digest: 'z' }
  fold.report(0.1, 1000, { full: {}, answer_digest: 'x', steps: [idle, { tokens: 40, confidence: 1, answer_digest: 'y' }] })
  t.equal(fold.pending.get('g0.1')?.outcome.steps?.length, 1)
  fold.states.set(LEAF, { ...fold.state(), follow_up: { ...fold.state().follow_up, reported: 0 } }) // even if it were taken now
  fold.learn({ type: 'label', generation_id: 'g0.1', em: 1 }, 2000)
  t.equal(fold.traces.size, 0)
})
