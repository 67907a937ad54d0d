import t from 'tap'
import { evidenceOf } from '../../../src/core/judgement/context-state.js'
import type { LabelEntry } from '../../../src/core/learn/log-entry.js'
import { LEAF } from './memory-fold.js'
import { enrolledFold, FOLLOW_UP, SLICE_MOST } from './enrolled-fold.js'

const labelOf = (generation_id: string, em: 0 | 1 = 1): LabelEntry => ({ type: 'label', generation_id, em })

/** Its answer would have changed at every threshold, so only a label can tell what that lost. */
const CHANGED = { full: {}, answer_digest: 'x', steps: [{ tokens: 40, confidence: 1, answer_digest: 'y' }] }
const AGREES = { ...CHANGED, steps: [{ tokens: 40, confidence: 1, answer_digest: 'x' }] }

t.test('rule 7: an outcome whose answer would have changed waits for its label, one that agrees needs none', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2], 0)
  fold.report(0.1, 1000, CHANGED)
  fold.report(0.2, 1000, AGREES)
  t.equal(fold.pending.size, 1)
  t.equal(fold.cohorts.get(LEAF)!.open, 1)
  t.match(fold.state(), { follow_up: { labels_wanted: 1, labels_given: 0 } })
  fold.learn(labelOf('g0.1'), 2000)
  t.equal(fold.pending.size, 0)
  fold.learn(labelOf('g0.1', 0), 2000)
  fold.learn(labelOf('nobody'), 2000)
  fold.pass(3000, SLICE_MOST)
  t.match(fold.state(), { follow_up: { labels_wanted: 1, labels_given: 1, accounted: 2, missing: 0 } }, 'a label counts once')
  t.match(evidenceOf(fold.state()), { generations: 2, full_em: 1 })
  t.equal(evidenceOf(fold.state()).lost[29], 1)
})

t.test('rule 6: a label that does not come in time is missing, and one that comes then changes nothing', async (t) => {
  for (const [missing_labels, counts, generations] of [['lost', { missing: 1, accounted: 1 }, 2], ['excluded', { excluded: 1, accounted: 1 }, 1]] as const) {
    const fold = enrolledFold({ missing_labels })
    fold.enrol([0.1, 0.2], 0)
    fold.report(0.1, 1000, CHANGED)
    fold.report(0.2, 1000)
    fold.pass(5000, FOLLOW_UP - 1000)
    t.equal(fold.pending.size, 1, missing_labels)
    fold.learn(labelOf('g0.1'), FOLLOW_UP) // its time is up, though no tick has said so
    t.equal(fold.pending.size, 0)
    fold.pass(FOLLOW_UP + 1000, FOLLOW_UP + 2000)
    t.match(fold.state(), { follow_up: { ...counts, labels_given: 0 }, halves: [{ generations }, {}] }, missing_labels)
  }
})

t.test('a label that says nothing leaves room for a better one', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.report(0.1, 1000, CHANGED)
  fold.learn({ type: 'label', generation_id: 'g0.1' }, 1500)
  t.equal(fold.pending.size, 1)
  fold.learn({ type: 'label', generation_id: 'g0.1', references: ['y'] }, 1600)
  t.equal(fold.pending.size, 0)
  fold.pass(2000, SLICE_MOST)
  t.match(evidenceOf(fold.state()), { gained: { 29: 1 } }, 'the answer probed was the right one')
})

t.test('a treated outcome waits for its label too, for the comparison of the arms', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.5], 0, { share: 0.4 })
  fold.report(0.1, 1000)
  fold.report(0.5, 1000, { full: {}, steps: null, stopped: true })
  t.equal(fold.pending.get('g0.5')!.outcome.steps, null)
  fold.pass(2000, SLICE_MOST)
  t.match(fold.state(), { halves: [{ generations: 1 }, {}], arms: { control: { generations: 0 } } }, 'the evidence of control does not wait')
  fold.learn(labelOf('g0.5', 0), SLICE_MOST + 1000)
  t.match(fold.state().arms, { control: { labelled: 1, em: 1 }, treated: { labelled: 1, em: 0 } })
  t.equal(fold.state().follow_up.labels_wanted, 0, 'only control labels are evidence')
})

t.test('a label that comes after its epoch has ended is nothing to the next', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.report(0.1, 1000, CHANGED)
  fold.learn({ type: 'reset', key: LEAF, reason: 'new weights', by: 'test' }, 1500)
  fold.learn(labelOf('g0.1'), 2000)
  fold.pass(3000, SLICE_MOST)
  t.equal(fold.pending.size, 0)
  t.match(fold.state(), { epoch: 2, follow_up: { accounted: 0, labels_given: 0 }, halves: [{ generations: 0 }, {}] })
})

t.test('rule 8: a group is accounted for when the last label is in', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  const sample = (i: number, changes = {}) => fold.report(0.1, 1000, { generation_id: `s${i}`, sample_index: i, samples: 2, ...changes })
  sample(0, CHANGED)
  sample(1, CHANGED)
  fold.learn(labelOf('s1'), 2000)
  t.equal(fold.cohorts.get(LEAF)!.open, 1)
  fold.learn(labelOf('s0', 0), 2000)
  t.equal(fold.cohorts.get(LEAF)!.open, 0)
  fold.pass(3000, SLICE_MOST)
  t.equal(evidenceOf(fold.state()).lost[29], 0.5)
})
