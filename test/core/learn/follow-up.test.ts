import t from 'tap'
import { GRID } from '../../../src/core/certificate/grid.js'
import { evidenceOf } from '../../../src/core/judgement/context-state.js'
import { NO_ARMS } from '../../../src/core/certificate/compare-arms.js'
import { withEvidence } from '../../../src/core/learn/follow-up.js'
import { noEvidence } from '../../../src/core/certificate/evidence.js'
import { evidenceWith, EMPTY_GRID } from '../certificate/random-evidence.js'
import { LEAF, SURE_STEP } from './memory-fold.js'
import { certifiedFold, enrolledFold, FOLLOW_UP, SLICE_LEAST, SLICE_MOST } from './enrolled-fold.js'

const LAST = GRID.length - 1
const spread = (n: number, share = 1) => Array.from({ length: n }, (_, i) => share * (i + 0.5) / n)
const LOST_STEPS = { steps: [{ ...SURE_STEP, exact_match: 0 as const }] }

t.test('rule 5: a prefix certifies although one of its units is not accounted for', async (t) => {
  const fold = enrolledFold()
  const us = spread(400)
  fold.enrol(us, 0)
  for (const u of us.slice(1)) fold.report(u, 1000)
  fold.pass(2000, SLICE_LEAST - 1000)
  t.equal(fold.state().threshold_index, -1, 'its slice has not ended')
  fold.pass(SLICE_LEAST, SLICE_LEAST)
  const open = { evidence: { generations: 399 }, unaccounted: 1 }
  t.match(fold.state(), { threshold_index: LAST, open, halves: [{ generations: 0 }, {}] })
})

t.test('rule 5: what a prefix has certified stays, though the present evidence no longer reaches the bar', async (t) => {
  const fold = certifiedFold()
  const { time } = fold
  t.match(fold.state(), { threshold_index: LAST, certified: LAST })
  const { now, best } = fold.state().log_evidence ?? {}
  t.equal(now, best)
  fold.enrol(spread(60, 0.02), time)
  for (const [i, u] of spread(60, 0.02).entries()) fold.report(u, time + 1000, { generation_id: `later${i}`, ...(i < 6 && LOST_STEPS) })
  fold.pass(time + 2000, time + SLICE_MOST + 2000)
  const state = fold.state()
  t.match(state, { threshold_index: LAST, epoch: 1 })
  t.ok(state.log_evidence!.now < Math.log(20) && state.log_evidence!.best >= Math.log(20), JSON.stringify(state.log_evidence))
})

t.test('rule 5: the turn of a half-window ends what was certified until the evidence certifies it again', async (t) => {
  const none = noEvidence(GRID.length)
  const gathering = { halves: [none, none] as const, open: { evidence: none, unaccounted: 0 }, certified: 5 }
  const slice = evidenceWith(40, EMPTY_GRID, EMPTY_GRID)
  t.equal(withEvidence(gathering, slice, { evidence_window: 100 }).certified, 5)
  t.equal(withEvidence(gathering, slice, { evidence_window: 80 }).certified, -1)
  t.equal(withEvidence(gathering, undefined, { evidence_window: 80 }), gathering)
})

t.test('rule 6: whoever never reports is missing after the follow-up, and its later outcome is late', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2], 0)
  fold.report(0.1, 1000)
  fold.pass(5000, FOLLOW_UP - 1000)
  t.match(fold.state(), { follow_up: { accounted: 0, missing: 0 }, halves: [{ generations: 0 }, {}] }, 'ratios are of final slices')
  fold.pass(FOLLOW_UP, FOLLOW_UP + 6000)
  t.match(fold.state(), { follow_up: { enrolled: 2, accounted: 1, missing: 1 }, halves: [{ generations: 2, lost: [1] }, {}] })
  fold.report(0.2, FOLLOW_UP + 7000, { arm: 'control' })
  t.match(fold.state(), { follow_up: { late: 1, unenrolled: 0 }, halves: [{ generations: 2 }, {}] })
})

t.test('rule 6: nobody\'s follow-up runs out while nobody can write to the log', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.learn({ type: 'tick' }, 10 * FOLLOW_UP)
  fold.report(0.1, 10 * FOLLOW_UP + 1000)
  fold.pass(10 * FOLLOW_UP + 2000, 10 * FOLLOW_UP + SLICE_MOST + 2000)
  t.match(fold.state(), { follow_up: { accounted: 1, missing: 0 } })
})

t.test('rule 6: under "excluded" nothing is certified where those left out, if all had lost, could lose more than twice the bound', async (t) => {
  for (const [silent, isCertified] of [[3, true], [12, false]] as const) {
    const fold = enrolledFold({ missing_outcomes: 'excluded' })
    const us = spread(300)
    fold.enrol(us, 0)
    for (const u of us.slice(silent)) fold.report(u, 1000)
    fold.pass(2000, SLICE_LEAST - 1000)
    fold.pass(SLICE_LEAST, FOLLOW_UP + 2000)
    t.match(fold.state(), { follow_up: { accounted: 300 - silent, excluded: silent }, halves: [{ generations: 300 - silent }, {}] })
    t.equal(fold.state().threshold_index, isCertified ? LAST : -1, `${silent} of 300 are missing`)
    if (isCertified) t.match(fold.state().guarantee, { missing_outcomes: 'excluded', on_arrival: false, scope: 'context' })
  }
})

t.test('rule 6: the outcomes of later slices don\'t dilute the share that a prefix leaves out', async (t) => {
  const fold = enrolledFold({ missing_outcomes: 'excluded', max_em_drop: 0.05 })
  for (let second = 0; second < 1.5 * FOLLOW_UP / 1000; second++) { // one in five never reports, of the last follow-up as of the one before
    const us = [0, 1].map((i) => ((2 * second + i + 1) * 0.6180339887498949) % 1)
    fold.enrol(us, 1000 * second)
    for (const u of us.slice(second % 5 < 2 ? 1 : 0)) fold.report(u, 1000 * second + 500)
    if (fold.state().threshold_index !== -1) return t.fail(`certified after ${second} s`)
  }
  t.match(fold.state().open, { evidence: { generations: Number }, left_out: Number })
  t.ok(fold.state().follow_up.excluded > 50 && fold.state().open.evidence.generations > 500)
})

t.test('a drift found in final slices withdraws the threshold and drops the enrolled generations', async (t) => {
  const fold = certifiedFold()
  const { time } = fold
  const us = spread(40, 0.02)
  fold.enrol(us, time)
  for (const u of us.slice(1)) fold.report(u, time + 1000, { ...LOST_STEPS, generation_id: `lost${u}` })
  t.equal(fold.state().epoch, 1, 'not on arrival')
  fold.pass(time + 2000, time + FOLLOW_UP + 2000)
  t.match(fold.state(), { epoch: 2, epoch_cause: 'drift', threshold_index: -1, control_share: 1 })
  t.equal(fold.cohorts.get(LEAF)?.open ?? 0, 0)
  t.equal(evidenceOf(fold.state()).generations, 0)
})

t.test('breach: where real stops lose more than is tolerated, the threshold is taken back', async (t) => {
  const play = (pinned: boolean) => {
    const fold = certifiedFold({ control_rate: 0.4 })
    let { time } = fold
    if (pinned) fold.learn({ type: 'pin', key: LEAF, pin: { threshold: 0.5, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' }, time)
    for (let round = 0; round < 12 && fold.state().epoch === 1; round++) {
      const us = spread(200, 0.8).map((u) => u + round * 1e-6)
      fold.enrol(us, time, { share: 0.4 })
      for (const [i, u] of us.entries()) {
        const exact_match = i % (u < 0.4 ? 9 : 3) === 0 ? 0 : 1 // probes lose nothing, real stops do
        fold.report(u, time + 1000, { generation_id: `r${round}-${i}`, full: { exact_match }, steps: u < 0.4 ? [{ ...SURE_STEP, exact_match }] : null })
      }
      fold.pass(time + 2000, time + SLICE_LEAST + 2000)
      time += SLICE_LEAST + 3000
    }
    return fold
  }
  const breached = play(false)
  t.match(breached.state(), { epoch: 2, epoch_cause: 'breach', threshold_index: -1, arms: NO_ARMS })
  t.equal(breached.changes.at(-1)!.cause, 'breach')
  t.equal(play(true).state().epoch, 1, 'under a pin it is only a warning')
})

t.test('rule 9: a change of mode or pin restarts the comparison at the next slice', async (t) => {
  const fold = certifiedFold({ control_rate: 0.4 })
  const { time } = fold
  fold.enrol([0.1, 0.5], time, { share: 0.4 })
  fold.learn({ type: 'policy', key: LEAF, policy: { mode: 'shadow' }, by: 'ops' }, time + 1)
  for (const u of [0.1, 0.5]) fold.report(u, time + 1000, { generation_id: `a${u}` })
  fold.pass(time + 2000, time + SLICE_MOST + 2000)
  t.strictSame(fold.state().arms, NO_ARMS, 'they began under the mode of before')
  const later = time + SLICE_MOST + 3000
  fold.enrol([0.11, 0.51], later, { share: 0.4 })
  for (const u of [0.11, 0.51]) fold.report(u, later + 1000, { generation_id: `b${u}` })
  fold.pass(later + 2000, later + SLICE_MOST + 2000)
  t.match(fold.state().arms, { control: { generations: 1, em: 1 }, treated: { generations: 1, em: 1 } })
})

t.test('a changed cohort is committed even if nothing else changes', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.5], 0)
  fold.report(0.1, 1000)
  fold.cohorts.takeChanges()
  fold.pass(5000, 13_000)
  t.strictSame(fold.cohorts.takeChanges().get(LEAF)!.early, [])
  fold.learn({ type: 'tick' }, 13_001)
  t.equal(fold.cohorts.takeChanges().size, 0, 'an unchanged cohort is not committed')
})
