import t from 'tap'
import { contextWarnings } from '../../../src/core/judgement/context-warnings.js'
import { NAMES, NAMES_OF_LEAF } from '../../../src/core/predictor/signal-names.js'
import { PendingOutcomes } from '../../../src/core/recording/pending.js'
import { Reservoir } from '../../../src/core/predictor/reservoir.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { LEAF, memoryFold, outcomeOf, SURE_STEP, type MemoryFold } from './memory-fold.js'

let invented = 0
/** Signals with names that nobody has used before. */
const newSignals = () => Object.fromEntries(Array.from({ length: 16 }, () => [`invented-${invented++}`, Math.random()]))
const inventing = (id: string, overrides: Parameters<typeof outcomeOf>[0] = {}) => outcomeOf({
  generation_id: id,
  u: invented / 1e9,
  steps: Array.from({ length: 12 }, (_, i) => ({ ...SURE_STEP, confidence: i / 12, signals: newSignals() })),
  ...overrides,
})

function namesKept ({ reservoir, pending }: MemoryFold, leaf?: string): number {
  const items = [...reservoir.samples(), ...[...pending.values()].map(({ leaf, outcome: { steps } }) => ({ leaf, steps: steps ?? [] }))]
  const mine = items.filter((item) => leaf === undefined || item.leaf === leaf)
  return new Set(mine.flatMap(({ steps }) => steps.flatMap(({ signals = {} }) => Object.keys(signals)))).size
}

t.test('a worker that invents signal names fills only the room of its context, which then warns', async (t) => {
  const fold = memoryFold({ predictor: 'auto' })
  for (let i = 0; i < 50; i++) fold.learn(inventing(`g${i}`))
  t.equal(namesKept(fold), NAMES_OF_LEAF)
  t.equal(fold.reservoir.samples().length, 50, 'the rest of each outcome counts')
  t.match(fold.state(), { generations: 50, follow_up: { signals_refused: 50, accounted: 50 } })
  t.same(contextWarnings(fold.state()), ['signals_refused'])
})

t.test('many contexts share the room for names', async (t) => {
  const fold = memoryFold({ predictor: 'auto' })
  for (let i = 0; i < 40; i++) fold.learn(inventing(`g${i}`, { context: { model: 'q', task: `task-${i}` } }))
  t.equal(namesKept(fold), NAMES)
})

t.test('names in waiting outcomes count too, and are free again when the outcomes are dropped', async (t) => {
  const fold = memoryFold({ predictor: 'auto', follow_up_seconds: 60 })
  for (let i = 0; i < 20; i++) fold.learn(inventing(`g${i}`))
  t.ok(fold.pending.size > 0)
  t.equal(namesKept(fold), NAMES_OF_LEAF)
  for (const { outcome } of [...fold.pending.values()]) fold.pending.remove(outcome.generation_id)
  fold.learn(inventing('later'))
  t.equal(namesKept(fold), NAMES_OF_LEAF, 'there was room for new names')
})

t.test('the names are known again after a restart', async (t) => {
  const fold = memoryFold({ predictor: 'auto' })
  for (let i = 0; i < 5; i++) fold.learn(inventing(`g${i}`))
  const reservoir = new Reservoir([...fold.reservoir.takeChanges()].map(([number, sample]) => [number, sample!]))
  const restored = Object.assign(fold, { reservoir, pending: new PendingOutcomes([], reservoir.names) })
  restored.learn(inventing('after'))
  t.equal(namesKept(restored, LEAF), NAMES_OF_LEAF)
})

t.test('a signal that a live predictor uses is kept, and known signals are untouched', async (t) => {
  const fold = memoryFold({ predictor: 'auto' })
  fold.learn(outcomeOf({ generation_id: 'known', steps: [{ ...SURE_STEP, signals: { known: 1 } }] }))
  for (let i = 0; i < 10; i++) fold.learn(inventing(`g${i}`))
  const predictor = { ...PREDICTOR, signals: [{ name: 'scored', mean: 0, scale: 1 }] }
  fold.predictors.set(predictor.name, predictor)
  fold.learn(outcomeOf({ generation_id: 'last', steps: [{ ...SURE_STEP, signals: { stranger: 1, scored: 2, known: 3 } }] }))
  t.same(fold.reservoir.samples().at(-1)!.steps[0]!.signals, { scored: 2, known: 3 })
})

t.test('outcomes with the same few names are never refused', async (t) => {
  const fold = memoryFold({ predictor: 'auto' })
  const entry = outcomeOf({ steps: [{ ...SURE_STEP, signals: { entropy: 0.3, answer_streak: 2 } }] })
  fold.learn(entry, 0, 100)
  t.equal(fold.state().follow_up.signals_refused, 0)
  t.same(contextWarnings(fold.state()), [])
})
