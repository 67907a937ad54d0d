import t from 'tap'
import { emDrop } from '../../../src/core/stats/evidence.js'
import { NO_ARMS } from '../../../src/core/guards/arms.js'
import { FIRST_SHARE } from '../../../src/core/decide/arm.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { accountedAtWorst, accountedEvidence, knownEvidence } from '../../../src/core/evidence/gathered-evidence.js'
import { restoreCohort, storeCohort } from '../../../src/core/evidence/cohorts.js'
import { scaledTimes } from '../../../src/core/evidence/enrolment-list.js'
import { cohortRules } from '../../../src/core/learn/cohort-rules.js'
import type { LoggedOutcome } from '../../../src/core/outcome/outcome.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { draws } from '../evidence/cohort-fixtures.js'
import {
  certifiedFold, certifiedPool, drawsBySlice, type EnrolledFold, enrolledFold, FOLLOW_UP, kind, POOL, SLICE_LEAST, SLICE_MOST,
} from './enrolled-fold.js'
import { GAINED, LEAF, LOST, memoryFold, outcomeOf, SURE_STEP } from './memory-fold.js'
import { addPredictor, retirePredictor } from './predictor-fold.js'

t.test('the rules are the policy\'s, by the injected times', async (t) => {
  const fold = memoryFold({ follow_up_seconds: 60 }, {}, scaledTimes(0.1))
  fold.learn(outcomeOf())
  t.match(cohortRules(fold, LEAF, fold.state()), {
    followUp: 60_000, wait: 1200, scoring: { thresholds: 30 },
  })
})

t.test('law 7: groups that the predictor was trained on are set aside, and all are where it is gone', async (t) => {
  const fold = enrolledFold({ score: 'p' })
  addPredictor(fold, { ...PREDICTOR, trained: { ...PREDICTOR.trained, groups: [0.2] } })
  fold.enrol([0.1], 0)
  const scoring = () => cohortRules(fold, LEAF, fold.state()).scoring
  t.equal(scoring()!.thresholds, PREDICTOR.grid.length)
  t.ok(scoring()!.isSetAside!(0.2) && !scoring()!.isSetAside!(0.3))
  retirePredictor(fold, PREDICTOR)
  t.equal(scoring(), null)
})

t.test('a sample that awaits its label is, at worst, lost where its answer would have changed', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.report(0.1, 1, { full: {}, answer_digest: 'x', steps: [{ tokens: 10, confidence: 0.5, answer_digest: 'y' }, { tokens: 90, confidence: 0.99, answer_digest: 'x' }] })
  const rules = cohortRules(fold, LEAF, fold.state())
  const { eighths } = rules.worstUnit('g0.1')!
  t.strictSame([eighths[0], eighths[12], eighths[29]], [0, 0, 8])
  t.equal(rules.worstUnit('nobody'), null)
})

const LAST = GRID.length - 1
const spread = (n: number, share: number) => Array.from({ length: n }, (_, i) => share * (i + 0.5) / n)
const STOPPED: Partial<LoggedOutcome> = {
  arm: 'treated', stopped: true, tokens: 50, steps: null, stopped_probe: { tokens: 40, exact_match: 1, agreement: 1 },
}
const LOST_STEPS = { steps: [{ ...SURE_STEP, exact_match: 0 as const }] }

t.test('E4: a prefix certifies although one of its units is not accounted for', async (t) => {
  const fold = enrolledFold()
  const slices = drawsBySlice(400)
  let time = 0
  for (const [slice, us] of slices.entries()) {
    fold.pass(time, time)
    fold.enrol(us, time)
    for (const u of us.slice(slice === 0 ? 1 : 0)) fold.report(u, time + 1000)
    fold.pass(time + 2000, (time += SLICE_LEAST) - 1000)
  }
  t.equal(fold.state().rule.index, -1, 'its slice has not ended')
  fold.pass(time, time)
  const open = { evidence: { generations: 399 }, unaccounted: 1 }
  t.match(fold.state(), { rule: { index: LAST }, evidence: { open, final: { generations: 0 } } })
})

t.test('law 11: generations that never report raise no estimate, in open slices and in final ones', async (t) => {
  const fold = enrolledFold()
  const us = spread(400, FIRST_SHARE)
  fold.enrol(us, 0)
  for (const u of us.slice(20)) fold.report(u, 1000)
  const drops = () => [accountedEvidence, accountedAtWorst].map((of) => of(fold.state().evidence))
    .map((evidence) => [evidence.generations, emDrop(evidence, LAST)])
  fold.pass(2000, SLICE_LEAST)
  t.same(drops(), [[380, 0], [380, 0]], 'their follow-up is not over')
  fold.pass(SLICE_LEAST, FOLLOW_UP + SLICE_LEAST)
  t.match(fold.state(), { reports: { follow_up: { missing: 20 } }, evidence: { final: { generations: 400 } } })
  t.same(drops(), [[380, 0], [400, 0.05]])
})

t.test('E4: a threshold certified on a prefix stays, even if the present evidence no longer reaches the bar', async (t) => {
  const fold = certifiedFold()
  const { time } = fold
  t.match(fold.state(), { rule: { index: LAST }, evidence: { certified: LAST } })
  t.equal(fold.state().evidence.log_evidence, null, 'it has just come into force')
  fold.enrol(spread(60, 0.02), time)
  for (const [i, u] of spread(60, 0.02).entries()) fold.report(u, time + 1000, { generation_id: `later${i}`, ...(i < 6 && LOST_STEPS) })
  fold.pass(time + 2000, time + SLICE_MOST + 2000)
  const state = fold.state()
  t.match(state, { rule: { index: LAST }, epoch: { number: 1 } })
  const { now, best } = state.evidence.log_evidence!
  t.ok(now < Math.log(20) && best >= Math.log(20), `${now} of ${best}`)
})

t.test('E5: a generation that never reports is missing after the follow-up, and its later outcome is late', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2], 0)
  fold.report(0.1, 1000)
  fold.pass(5000, FOLLOW_UP - 1000)
  t.match(fold.state(), { reports: { follow_up: { accounted: 0, missing: 0 } }, evidence: { final: { generations: 0 } } }, 'ratios are of final slices')
  fold.pass(FOLLOW_UP, FOLLOW_UP + 6000)
  t.match(fold.state().reports.follow_up, { enrolled: 2, accounted: 1, missing: 1 })
  t.match(fold.state().evidence.final, { generations: 2, lost: [1] })
  fold.report(0.2, FOLLOW_UP + 7000, { arm: 'control' })
  t.match(fold.state(), { reports: { follow_up: { late: 1, unenrolled: 0 } }, evidence: { final: { generations: 2 } } })
})

t.test('E4: of 2,000 generations that went missing, each outcome that comes within another follow-up is late, not left out', async (t) => {
  const fold = enrolledFold()
  const us = draws(2000).map((u) => FIRST_SHARE * u)
  fold.enrol(us, 0)
  fold.pass(5000, FOLLOW_UP + 6000)
  t.equal(fold.state().reports.follow_up.missing, us.length)
  fold.pass(FOLLOW_UP + 7000, 2 * FOLLOW_UP - 1000)
  for (const u of us) fold.report(u, 2 * FOLLOW_UP - 1000, { arm: 'control' })
  t.equal(fold.pending.size, 0, 'none waits for an entry')
  fold.pass(2 * FOLLOW_UP, 2 * FOLLOW_UP + 12_000)
  t.match(fold.state().reports.follow_up, { late: us.length, unenrolled: 0, left_out: 0 })
})

t.test('E1: a prompt whose generation went missing is drawn again after another follow-up', async (t) => {
  const fold = enrolledFold()
  const prompt = (name: string, hash: number) => ({ generation_id: name, hash, by_prompt: true }) as const
  const again = (time: number, hash: number) => fold.enrol([0.1], time, { draws: [[0.1, hash]] })
  again(0, 0.3)
  fold.pass(5000, FOLLOW_UP + 6000)
  again(FOLLOW_UP + 7000, 0.4)
  fold.report(0.1, FOLLOW_UP + 8000, prompt('silent', 0.3))
  t.match(fold.state().reports.follow_up, { enrolled: 1, missing: 1, late: 1, reported: 0 })
  fold.pass(FOLLOW_UP + 9000, 2 * FOLLOW_UP + 7000)
  again(2 * FOLLOW_UP + 8000, 0.5)
  fold.report(0.1, 2 * FOLLOW_UP + 9000, prompt('silent', 0.3))
  fold.report(0.1, 2 * FOLLOW_UP + 9000, prompt('third', 0.5))
  t.match(fold.state().reports.follow_up, { enrolled: 2, missing: 1, late: 1, reported: 1, left_out: 0 })
})

t.test('E4: an outcome of a generation that went missing in the epoch before is not left out of the next one', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2], 0)
  fold.pass(5000, FOLLOW_UP + 6000)
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'test' }, FOLLOW_UP + 7000)
  fold.report(0.1, FOLLOW_UP + 8000, { arm: 'control' })
  fold.pass(FOLLOW_UP + 9000, FOLLOW_UP + 22_000)
  t.match(fold.state(), { epoch: { number: 2 }, reports: { follow_up: { unenrolled: 1, left_out: 0 } } })
})

t.test('E2: of 10,000 void units, each is left out once, when its list comes and not again when its outcome does', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.24], 0)
  const us = draws(10_000).map((u) => FIRST_SHARE * u)
  fold.enrol(us, 1000, { age: 10_001 })
  for (const u of us) fold.report(u, 2000)
  fold.pass(3000, 15_000)
  t.match(fold.state().reports.follow_up, { void: us.length, unenrolled: us.length, unlisted: 0, left_out: us.length })
})

t.test('E3: no follow-up runs out while the log cannot be written', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.learn({ type: 'tick' }, 10 * FOLLOW_UP)
  fold.report(0.1, 10 * FOLLOW_UP + 1000)
  fold.pass(10 * FOLLOW_UP + 2000, 10 * FOLLOW_UP + SLICE_MOST + 2000)
  t.match(fold.state(), { reports: { follow_up: { accounted: 1, missing: 0 } } })
})

t.test('a drift withdraws the threshold and drops the enrolled generations, and waits neither for one that never reports nor for the end of the slice', async (t) => {
  const fold = certifiedFold()
  const { time } = fold
  const us = spread(40, 0.02)
  fold.enrol(us, time)
  for (const u of us.slice(1)) fold.report(u, time + 1000, { ...LOST_STEPS, generation_id: `lost${u}` })
  t.equal(fold.state().epoch.number, 1, 'not on arrival')
  fold.pass(time + 2000, time + 2000)
  t.match(fold.state(), { epoch: { number: 2, cause: 'drift' }, rule: { index: -1, control_share: 1 } })
  t.equal(fold.cohorts.get(LEAF)?.open ?? 0, 0)
  t.equal(knownEvidence(fold.state().evidence).generations, 0)
})

t.test('an alarm of drift says since when the answers were lost, how many they were, and how many were stopped', async (t) => {
  const fold = certifiedFold()
  let { time } = fold
  const take = (us: readonly number[], changes: Partial<LoggedOutcome> = {}) => {
    fold.enrol(us, time)
    for (const u of us) fold.report(u, time + 500, { generation_id: `g${u}`, ...changes })
    for (let i = 0; i < 10; i++) fold.report(0.999, time + 600, { ...STOPPED, generation_id: `${time}-${i}` })
    fold.pass(time + 1000, time += SLICE_MOST)
  }
  const us = spread(60, 0.02)
  take(us.slice(0, 10))
  take(us.slice(10, 20))
  const turned = time
  take(us.slice(20, 21), LOST_STEPS) // too few for an alarm
  take(us.slice(21), LOST_STEPS)
  const { cause, alarm } = fold.changes.at(-1)!
  t.equal(cause, 'drift')
  t.ok(Math.abs(alarm!.since - turned) <= SLICE_MOST, `${(alarm!.since - turned) / 1000} s`)
  t.match(alarm, { units: 40, em_drop: 1, stops: 20 })
})

t.test('an alarm of drift counts the stops since its slice began, though an earlier slice waits for a generation that never reports', async (t) => {
  const fold = certifiedFold()
  let { time } = fold
  const stop = (count: number) => { for (let i = 0; i < count; i++) fold.report(0.999, time + 600, { ...STOPPED, generation_id: `${time}-${i}` }) }
  const us = spread(61, 0.02)
  const good = us.slice(0, 20)
  fold.enrol([us[60]!, ...good], time)
  for (const u of good) fold.report(u, time + 500, { generation_id: `g${u}` })
  stop(5)
  fold.pass(time + 1000, time += SLICE_MOST)
  for (const lost of [us.slice(20, 21), us.slice(21, 60)]) {
    fold.enrol(lost, time)
    for (const u of lost) fold.report(u, time + 500, { ...LOST_STEPS, generation_id: `g${u}` })
    stop(10)
    fold.pass(time + 1000, time += SLICE_MOST)
  }
  const { cause, alarm } = fold.changes.at(-1)!
  t.equal(cause, 'drift')
  t.match(alarm, { units: 40, em_drop: 1, stops: 20 })
})

t.test('an alarm in the first slice of an epoch counts the stops of this epoch only', async (t) => {
  const fold = certifiedFold()
  let { time } = fold
  const stop = (count: number) => { for (let i = 0; i < count; i++) fold.report(0.999, time + 600, { ...STOPPED, generation_id: `${time}-${i}` }) }
  stop(7)
  fold.pass(time + 1000, time += SLICE_MOST)
  const us = spread(40, 0.02)
  fold.enrol(us, time)
  for (const u of us) fold.report(u, time + 500, { ...LOST_STEPS, generation_id: `lost${u}` })
  stop(3)
  fold.pass(time + 1000, time + SLICE_MOST)
  const { cause, alarm } = fold.changes.at(-1)!
  t.equal(cause, 'drift')
  t.match(alarm, { units: 40, em_drop: 1, stops: 3 })
})

t.test('both arms are compared from their reports while a threshold is in force, and from zero after a change of mode or pin', async (t) => {
  const fold = certifiedFold({ control_rate: 0.4 })
  const { time } = fold
  t.strictSame(fold.state().guards.arms, NO_ARMS)
  fold.enrol([0.1], time, { share: 0.4 })
  fold.report(0.1, time + 1000, { generation_id: 'a' })
  fold.report(0.5, time + 1000, { generation_id: 'b', arm: 'treated', steps: null })
  const weight = (1 - 0.4) / 0.4
  t.match(fold.state().guards.arms, { control: { generations: 1, em: { sum: weight } }, treated: { generations: 1, em: { sum: 1 } } })
  fold.learn({ type: 'policy', key: LEAF, policy: { mode: 'shadow', control_rate: 0.4 }, by: 'ops' }, time + 2000)
  t.strictSame(fold.state().guards.arms, NO_ARMS)
  fold.report(0.6, time + 3000, { generation_id: 'c', arm: 'treated', cancelled: true })
  t.strictSame(fold.state().guards.arms, NO_ARMS, 'cancelled ones are left out')
})

t.test('a changed cohort is committed even if nothing else changes', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.2], 0)
  fold.report(0.1, 1000)
  fold.cohorts.takeChanges()
  fold.pass(5000, 13_000)
  t.strictSame(fold.cohorts.takeChanges().get(LEAF)!.early, [])
  fold.learn({ type: 'tick' }, 13_001)
  t.equal(fold.cohorts.takeChanges().size, 0, 'an unchanged cohort is not committed')
})

const [KIND, HARD] = ['model=q,task=kind', 'model=q,task=hard']
const hard = { context: { model: 'q', task: 'hard' }, steps: LOST.steps }

const us = (count: number) => Array.from({ length: count }, (_, i) => 0.0001 + i / 10_000)

/** Of 1,200 control generations of the pool in one slice, 80 are the hard member's, which loses 20 of them. */
function oneSlice (): EnrolledFold & { readonly time: number } {
  const fold = certifiedPool()
  const { time } = fold
  fold.enrol(us(1200), time, { key: POOL })
  for (const u of us(1200)) fold.report(u, time + 1000, u < 0.00605 ? { ...kind, context: hard.context } : u < 0.00805 ? hard : kind)
  return Object.assign(fold, { time: time + 2000 })
}

t.test('each member has the evidence of its own control generations', async (t) => {
  const fold = oneSlice()
  const { epoch: { name: epoch } } = fold.state(POOL)
  t.match(fold.state(KIND).membership, { epoch, evidence: { generations: 256 + 1120 }, left_at: null })
  const { evidence } = fold.state(HARD).membership!
  t.match({ generations: evidence.generations, lost: evidence.lost[LAST] }, { generations: 80, lost: 20 })
  t.equal(fold.state(POOL).membership, undefined, 'the pool itself has none')
})

t.test('a member whose own detector alarms leaves the pool, once the slices that hold its losses are final', async (t) => {
  const fold = oneSlice()
  t.equal(fold.state(HARD).membership!.left_at, null, 'the slice is open')
  fold.pass(fold.time, fold.time + SLICE_LEAST)
  const time = fold.time + SLICE_LEAST + 1000
  fold.enrol([0.4], time, { key: POOL })
  fold.report(0.4, time + 500, { ...hard, steps: GAINED.steps })
  t.equal(fold.state(HARD).membership!.left_at, time + 500)
  const before = fold.state(POOL).rule.threshold
  t.match(fold.changes.at(-1), { time: time + 500, key: HARD, cause: 'left_pool', before, after: null })
  t.ok(before !== null && fold.state(POOL).rule.threshold === before, 'the pool keeps its threshold')
  t.equal(fold.state(KIND).membership!.left_at, null)
})

t.test('the history shows the threshold in force for a member that leaves: a pin of the pool still holds', async (t) => {
  const fold = oneSlice()
  fold.learn({ type: 'pin', key: POOL, pin: { threshold: 0.7, reason: 'test', by: 'ops', expires_at: null }, by: 'ops', reason: 'test' }, fold.time)
  fold.pass(fold.time, fold.time + SLICE_LEAST)
  const time = fold.time + SLICE_LEAST + 1000
  fold.enrol([0.00005], time, { key: POOL })
  fold.report(0.00005, time + 500, { ...hard, steps: GAINED.steps })
  t.match(fold.changes.at(-1), { key: HARD, cause: 'left_pool', before: 0.7, after: 0.7 })
})

t.test('where the follow-up of a whole slice ends at one time, losses among the last of it raise no alarm', async (t) => {
  const fold = certifiedPool()
  const { time } = fold
  fold.enrol(us(1017), time, { key: POOL })
  const ofGroup = { context: hard.context, sample_index: 0 } // how many samples the group has is not stated, so it ends with its follow-up
  for (const [i, u] of us(1017).entries()) fold.report(u, time + 1000, i < 1000 ? ofGroup : { ...ofGroup, steps: LOST.steps })
  fold.pass(time + 2000, time + FOLLOW_UP + 2000)
  const { evidence, left_at } = fold.state(HARD).membership!
  t.match({ generations: evidence.generations, lost: evidence.lost[LAST], left_at }, { generations: 1017, lost: 17, left_at: null })
  t.equal(fold.state(POOL).epoch.number, 1)
})

t.test('outcomes of a member with a pin of its own take no place among those that wait for their list', async (t) => {
  const fold = certifiedPool()
  fold.learn({ type: 'pin', key: HARD, pin: { threshold: 0.7, reason: 'test', by: 'ops', expires_at: null }, by: 'ops', reason: 'test' }, fold.time)
  const { unenrolled } = fold.state(POOL).reports.follow_up
  fold.report(0.3, fold.time + 1000, { ...hard, arm: 'control' })
  t.equal(fold.cohorts.get(POOL)!.early, 0)
  t.equal(fold.state(POOL).reports.follow_up.unenrolled, unenrolled, 'nor are they missed')
})

t.test('generations enrolled before their member left still count for the pool; later ones are not expected to be enrolled', async (t) => {
  const fold = oneSlice()
  fold.pass(fold.time, fold.time + SLICE_LEAST)
  const time = fold.time + SLICE_LEAST + 1000
  fold.enrol([0.4, 0.41, 0.42], time, { key: POOL })
  fold.report(0.4, time + 500, { ...hard, steps: GAINED.steps })
  t.ok(fold.state(HARD).membership!.left_at !== null)
  fold.report(0.3, time + 1000, { ...hard, arm: 'control' })
  t.equal(fold.cohorts.get(POOL)!.early, 1, 'for a short time a list may still be under way')
  fold.pass(time + 2000, time + 59_000)
  const { reports: { follow_up: { reported, unenrolled, late } } } = fold.state(POOL)
  fold.report(0.41, time + 60_000, hard)
  t.match(fold.state(POOL).reports.follow_up, { reported: reported + 1 }, 'it was enrolled before')
  for (const u of us(50)) fold.report(0.3 + u, time + 61_000, { ...hard, arm: 'control' })
  t.match(fold.state(POOL).reports.follow_up, { reported: reported + 1, unenrolled, late }, 'nobody expects them to be enrolled')
  t.equal(fold.cohorts.get(POOL)!.early, 0, 'so they take no place among those that wait')
})

t.test('a group is one unit, without its missing samples; a generation that never reported belongs to no member', async (t) => {
  const fold = certifiedPool()
  const { time } = fold
  const before = fold.state(KIND).membership!.evidence.generations
  fold.enrol([0.3, 0.31], time, { key: POOL })
  fold.report(0.3, time + 1000, { ...kind, sample_index: 0, samples: 4, steps: [{ ...SURE_STEP, exact_match: 0 }] })
  fold.pass(time + 2000, time + FOLLOW_UP + 2000)
  const { generations, lost, partial = {} } = fold.state(KIND).membership!.evidence
  t.match({ generations, lost: lost[LAST], partial }, { generations: before + 1, lost: 1, partial: {} })
})

t.test('members learn from a log entry while it is folded, so that a restored cohort has nothing left to pass on', async (t) => {
  const fold = oneSlice()
  const cohort = fold.cohorts.get(POOL)!
  t.same(cohort.takeAccounted(), [])
  fold.enrol([0.4], fold.time, { key: POOL })
  fold.report(0.4, fold.time + 500, { ...hard, sample_index: 0, samples: 2 })
  const restored = restoreCohort(JSON.parse(JSON.stringify(storeCohort(cohort))))
  t.equal(restored.members.get(0.4)!.leaf, HARD, 'the context of a group that is known in part')
})
