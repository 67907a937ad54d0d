import t from 'tap'
import { cohortRules } from '../../../src/core/learn/cohort-rules.js'
import { policyOf } from '../../../src/core/learn/fold.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { scaledTimes } from '../../../src/core/enrolment/times.js'
import { LEAF, memoryFold, outcomeOf } from './memory-fold.js'
import { addPredictor, retirePredictor } from './trial-fold.js'
import { enrolledFold } from './enrolled-fold.js'

t.test('the rules are the policy\'s, by the injected times', async (t) => {
  const fold = memoryFold({ follow_up_seconds: 60, missing_labels: 'excluded', missing_outcomes: 'excluded' }, {}, scaledTimes(0.1))
  fold.learn(outcomeOf())
  t.match(cohortRules(fold, fold.state(), policyOf(fold.ledger, LEAF)), {
    followUp: 60_000, missingLabels: 'excluded', missingOutcomes: 'excluded', wait: 1200, scorers: [{ scorer: 0, thresholds: 30, since: 0 }],
  })
})

t.test('rule 11: a trial gathers evidence from its first slice on, but not of groups that it was trained on', async (t) => {
  const fold = enrolledFold({ predictor: 'auto' })
  fold.enrol([0.1], 0)
  addPredictor(fold, { ...PREDICTOR, trained: { ...PREDICTOR.trained, groups: [0.2] } })
  const { scorers } = cohortRules(fold, fold.state(), policyOf(fold.ledger, LEAF))
  t.match(scorers[1], { scorer: 1, thresholds: PREDICTOR.grid.length, since: 1 })
  t.ok(scorers[1]!.isSetAside!(0.2) && !scorers[1]!.isSetAside!(0.3))
  retirePredictor(fold, PREDICTOR)
  t.equal(cohortRules(fold, fold.state(), policyOf(fold.ledger, LEAF)).scorers.length, 1)
})

t.test('rule 11: turning predictors on begins a slice too', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  addPredictor(fold, PREDICTOR)
  t.equal(fold.state().trials.length, 0)
  fold.cohorts.takeChanges()
  fold.learn({ type: 'policy', key: LEAF, policy: { predictor: 'auto' }, by: 'ops' }, 5)
  t.match(fold.state().trials, [{ since: 1 }])
  t.match(fold.cohorts.takeChanges().get(LEAF), { is_publication_next: true, slices: [{ ends: Number }] }, 'and the boundary is committed')
})

t.test('a sample that awaits its label is, at worst, lost where its answer would have changed', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.report(0.1, 1, { full: {}, answer_digest: 'x', steps: [{ tokens: 10, confidence: 0.5, answer_digest: 'y' }, { tokens: 90, confidence: 0.99, answer_digest: 'x' }] })
  const rules = cohortRules(fold, fold.state(), policyOf(fold.ledger, LEAF))
  const { eighths } = rules.worstUnits('g0.1').get(0)!
  t.strictSame([eighths[0], eighths[12], eighths[29]], [0, 0, 8])
  t.equal(rules.worstUnits('nobody').size, 0)
})
