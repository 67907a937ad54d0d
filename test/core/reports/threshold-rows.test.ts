import t from 'tap'
import { logEvidence } from '../../../src/core/stats/certificate.js'
import { scoredEvidence } from '../../../src/core/learn/scored-evidence.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { describeThresholds } from '../../../src/core/reports/threshold-rows.js'
import { FIRST, KEPT, LOST, memoryFold, outcomeOf, policyWith, SURE_STEP } from '../learn/memory-fold.js'

/** The threshold rows of a fold's leaf under a policy. */
function rowsAfter (kept: number, lost = 0, patch: PolicyPatch = {}) {
  const fold = memoryFold()
  fold.learn(KEPT, 0, kept)
  fold.learn(LOST, 0, lost)
  return describeThresholds(scoredEvidence(fold.state(), policyWith(patch), new Map()), policyWith(patch))
}

t.test('rows contain the counts of the evidence', async (t) => {
  const rows = rowsAfter(FIRST)
  t.equal(rows.filter(({ certified }) => certified).length, 30)
  t.match(rows[29], { lost: 0, kept: FIRST, gained: 0, unprobed: 0, tokens_saved_ratio: 0.6, em_drop: 0, generations_needed: 0 })
  t.ok(rows[29]!.em_drop_low < 0 && rows[29]!.em_drop_high > 0.02 && rows[29]!.em_drop_high < 0.025, 'the two-sided interval ends a little above 2 %')
})

t.test('the generations that a threshold needs include those of every safer one', async (t) => {
  t.equal(rowsAfter(150)[29]!.generations_needed, FIRST - 150)
  t.equal(rowsAfter(100, 20)[29]!.generations_needed, null, 'never, with 17 % lost')
  const fold = memoryFold()
  fold.learn(outcomeOf({ steps: [{ tokens: 10, confidence: 0.5, exact_match: 0 }, SURE_STEP] }), 0, 2) // loses at loose thresholds only
  fold.learn(KEPT, 0, 150)
  const rows = describeThresholds(scoredEvidence(fold.state(), policyWith(), new Map()), policyWith())
  const needed = rows.map((row) => row.generations_needed)
  t.equal(needed[0], FIRST - 152)
  t.ok(needed[29]! > needed[0]!)
  for (let k = 1; k < 30; k++) t.ok(needed[k]! >= needed[k - 1]!, `threshold ${k}`)
})

t.test('evidence comes from generations that are accounted for; open ones only keep a threshold from its certificate', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  const scored = scoredEvidence(fold.state(), policyWith(), new Map())
  const row = describeThresholds({ ...scored, certified: -1, unaccounted: 50 }, policyWith())[29]!
  t.match(row, { certified: false, generations_needed: 0, kept: FIRST })
  t.ok(Math.abs(row.log_evidence - logEvidence(0.02, { lost: 0, kept: FIRST, gained: 0 })) < 1e-9)
})
