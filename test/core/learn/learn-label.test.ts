import t from 'tap'
import { evidenceOf } from '../../../src/core/judgement/context-state.js'
import { NO_DRIFT } from '../../../src/core/certificate/drift.js'
import type { LabelEntry } from '../../../src/core/learn/log-entry.js'
import { PENDING_LIMIT_OF_LEAF } from '../../../src/core/recording/pending.js'
import { atMost, rateOf } from '../../random.js'
import { CHAIN, FIRST, KEPT, LEAF, memoryFold, outcomeOf, SURE_STEP, type MemoryFold } from './memory-fold.js'

const WAIT = 10
const late = (defaults = {}) => memoryFold(defaults, { label_wait_seconds: WAIT })
const bare = (generation_id: string, overrides = {}) => outcomeOf({ generation_id, full: {}, ...overrides })
const labelOf = (generation_id: string, em: 0 | 1 = 1): LabelEntry => ({ type: 'label', generation_id, em })
const generationsAt = (fold: MemoryFold, key = LEAF) => evidenceOf(fold.state(key)).generations

t.test('an outcome without its label waits, and counts when the label comes', async (t) => {
  const fold = late()
  fold.learn(bare('a'), 1000)
  t.match(fold.state(), { generations: 1, unlabelled: 0, awaiting_label: 1, labelled: 0 })
  fold.learn(labelOf('a'), 2000)
  t.match(fold.state(), { generations: 1, unlabelled: 0, awaiting_label: 0, labelled: 1, last_evidence_at: 2000 })
  t.strictSame(CHAIN.map((key) => generationsAt(fold, key)), [0, 0, 1], 'above the leaf nothing counts yet')
  fold.learn(labelOf('a', 0), 2000)
  t.equal(fold.state().labelled, 1, 'once')
  fold.learn(labelOf('nobody'), 2000)
  t.equal(fold.pending.size, 0)
})

t.test('after the wait it counts as unlabelled, by the log\'s own times; a label that comes then is too late', async (t) => {
  const fold = late()
  fold.learn(bare('a'), 1000)
  fold.learn({ type: 'tick' }, 1000 + WAIT * 1000 - 1)
  t.equal(fold.state().awaiting_label, 1)
  fold.learn(labelOf('a'), 1000 + WAIT * 1000)
  t.match(fold.state(), { awaiting_label: 0, unlabelled: 1, labelled: 0 })
})

t.test('control outcomes of a leaf are taken in the order of their arrival, whichever label comes first', async (t) => {
  const fold = late()
  fold.learn(bare('a'), 1000)
  fold.learn(bare('b'), 1001)
  fold.learn(outcomeOf({ generation_id: 'c' }), 1002)
  t.match(fold.state(), { awaiting_label: 3, labelled: 0 }, 'one that has its label waits behind those that have not')
  fold.learn(labelOf('b', 0), 1003)
  t.match(fold.state(), { awaiting_label: 3, labelled: 0 })
  fold.learn(outcomeOf({ generation_id: 'elsewhere', context: { model: 'q', task: 'other' } }), 1003)
  t.equal(generationsAt(fold, 'model=q,task=other'), 1, 'another leaf does not wait')
  fold.learn(labelOf('a'), 1004)
  t.match(fold.state(), { awaiting_label: 0, labelled: 3 })
  t.equal(evidenceOf(fold.state()).full_em, 2)
  fold.learn(bare('d'), 1005)
  fold.learn(KEPT, 1006)
  fold.learn({ type: 'tick' }, 1005 + WAIT * 1000)
  t.match(fold.state(), { awaiting_label: 0, labelled: 4, unlabelled: 1 }, 'an expired one lets those behind it in')
})

t.test('one that cannot become evidence does not wait', async (t) => {
  for (const [name, overrides] of [['unstepped', { steps: null }], ['siblings', { sample_index: 1 }]] as const) {
    const fold = late()
    fold.learn(bare('a', overrides), 1000)
    t.match(fold.state(), { awaiting_label: 0, [name]: 1 }, name)
  }
  const agreement = late({ label: 'agreement' })
  agreement.learn(bare('a', { full: { agreement: 1 } }), 1000)
  t.match(agreement.state(), { awaiting_label: 0, labelled: 1 }, 'agreement needs no label')
})

t.test('a treated outcome waits only to be compared, in line with its own arm', async (t) => {
  const fold = late()
  fold.learn(KEPT, 0, FIRST)
  fold.learn(bare('t', { arm: 'treated', u: 0.9, stopped: true, tokens: 40 }), 1000)
  t.match(fold.state(), { awaiting_label: 1, arms: { treated: { generations: 1, labelled: 0 } } })
  t.strictSame(fold.pending.get('t')!.outcome.steps, null)
  fold.learn(KEPT, 1001)
  t.equal(fold.state().labelled, FIRST + 1, 'it holds no control outcome up')
  fold.learn(outcomeOf({ generation_id: 't2', arm: 'treated', u: 0.9 }), 1001)
  t.match(fold.state(), { awaiting_label: 2, arms: { treated: { generations: 2, labelled: 0 } } }, 'but those behind it: quick labels would flatter')
  fold.learn(labelOf('t', 0), 1002)
  t.match(fold.state(), { awaiting_label: 0, arms: { treated: { generations: 2, labelled: 2, em: 1 } } })
})

t.test('where no more may wait newcomers are set aside, even with their label, and count as nothing: the slow ones keep their place', async (t) => {
  for (const missing_labels of ['excluded', 'lost'] as const) {
    const fold = late({ missing_labels })
    fold.learn(KEPT, 0, FIRST)
    for (let i = 0; i < PENDING_LIMIT_OF_LEAF; i++) fold.learn(bare(`g${i}`), 1000)
    fold.learn(KEPT, 1001, 1000)
    const waiting = { awaiting_label: PENDING_LIMIT_OF_LEAF, crowded_out: 1000, unlabelled: 0, labelled: FIRST }
    t.match(fold.state(), { ...waiting, epoch: 1, drift: NO_DRIFT.map(() => Number) }, missing_labels)
    t.ok(fold.state().threshold_index > -1, 'no alarm')
    fold.learn(labelOf('g0'), 1002)
    t.match(fold.state(), { labelled: FIRST + 1, awaiting_label: PENDING_LIMIT_OF_LEAF - 1 })
    fold.learn(labelOf('nobody waits'), 1002)
    fold.learn(outcomeOf({ generation_id: 'elsewhere', context: { model: 'q', task: 'other' } }), 1003)
    t.equal(generationsAt(fold, 'model=q,task=other'), 1)
  }
})

t.test('a label that comes in another epoch or mode is not compared there', async (t) => {
  const fold = late({ settle_seconds: 1 })
  fold.learn(KEPT, 0)
  fold.learn(KEPT, 1000, FIRST)
  fold.learn(bare('t', { arm: 'treated', u: 0.9 }), 5000)
  fold.learn({ type: 'policy', key: LEAF, policy: { mode: 'shadow', settle_seconds: 1 }, by: 'test' }, 6000)
  fold.learn(labelOf('t', 0), 6001)
  t.match(fold.state(), { awaiting_label: 0, arms: { treated: { generations: 0, labelled: 0 } } })
  fold.learn(outcomeOf({ generation_id: 'in flight', arm: 'treated', u: 0.9 }), 6500)
  t.match(fold.state(), { arms: { treated: { generations: 0, labelled: 0 } } }, 'it began under the mode before')
  fold.learn(outcomeOf({ generation_id: 'after', arm: 'treated', u: 0.9 }), 7000)
  t.match(fold.state(), { arms: { treated: { generations: 1, labelled: 1 } } })
})

t.test('other levels let all in before their contexts go', async (t) => {
  const fold = late()
  fold.learn(bare('a'), 1000)
  fold.learn({ type: 'configuration', configuration: { ...fold.ledger.configuration, levels: ['task'] } }, 1001)
  t.equal(fold.pending.size, 0)
  t.match(fold.state('*'), { awaiting_label: 0 })
})

t.test('an outcome that arrived before its epoch is none of its evidence, whenever its label comes', async (t) => {
  const fold = late()
  fold.learn(bare('a'), 1000)
  fold.learn({ type: 'reset', key: LEAF, reason: 'new weights', by: 'test' }, 1000)
  fold.learn(labelOf('a'), 1002)
  t.match(fold.state(), { epoch: 2, labelled: 0, unsettled: 1, awaiting_label: 0 })
})

t.test('above the leaves, once labels come late, evidence counts only after the longest wait', async (t) => {
  const fold = late()
  fold.learn(bare('slow'), 0)
  fold.learn(outcomeOf({ generation_id: 'quick', context: { model: 'q', task: 'other' } }), 1)
  t.equal(generationsAt(fold, 'model=q'), 0, 'contexts whose labels are quick would prevail')
  fold.learn(labelOf('slow'), 2)
  t.equal(generationsAt(fold), 1, 'the leaf itself takes its own in order')
  fold.learn(outcomeOf({ generation_id: 'later', context: { model: 'q', task: 'other' } }), WAIT * 1000)
  t.equal(generationsAt(fold, 'model=q'), 1)
})

t.test('labels of right answers come at once, those of wrong ones late: in order of arrival that certifies nothing false', async (t) => {
  const RUNS = 30
  const world = (random: () => number, inOrder: boolean) => {
    const fold = memoryFold({}, { levels: [], label_wait_seconds: 1000 })
    const owed: Array<[time: number, label: LabelEntry]> = []
    for (let i = 0; i < 1500; i++) {
      const lost = random() < 0.06
      while (owed.length > 0 && owed[0]![0] <= i * 1000) fold.learn(owed.shift()![1], i * 1000)
      const outcome = outcomeOf({ generation_id: `g${i}`, context: {}, steps: [{ ...SURE_STEP, exact_match: lost ? 0 : 1 }] })
      if (lost && inOrder) {
        fold.learn({ ...outcome, full: {} }, i * 1000)
        owed.push([(i + 900) * 1000, labelOf(`g${i}`)])
      } else if (!lost) fold.learn(outcome, i * 1000) // out of order, the lost ones are simply not there yet
      if ((fold.get('*')?.threshold_index ?? -1) > -1) return true
    }
    return false
  }
  const kept = rateOf(RUNS, (random) => world(random, true))
  t.ok(kept <= atMost(0.05, RUNS), `in order: ${100 * kept} % of the runs`)
  const broken = rateOf(RUNS, (random) => world(random, false))
  t.ok(broken > 0.9, `as the labels come: ${100 * broken} %`)
})

t.test('strict: a missing label counts as lost wherever it would have been stopped', async (t) => {
  const fold = memoryFold({ missing_labels: 'lost' })
  fold.learn(bare('a'))
  fold.learn(bare('never sure', { steps: [{ ...SURE_STEP, confidence: 0.01 }] }))
  const evidence = evidenceOf(fold.state())
  t.match(evidence, { generations: 2, labelled: 0, full_em: 0 })
  t.strictSame([evidence.lost[0], evidence.gained[0], evidence.tokens[0]], [1, 0, 140])
  t.match(fold.state(), { labelled: 0, unlabelled: 2 })
})
