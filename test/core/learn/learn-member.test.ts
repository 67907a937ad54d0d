import t from 'tap'
import { GRID } from '../../../src/core/certificate/grid.js'
import { restoreCohort, storeCohort } from '../../../src/core/enrolment/cohort-storage.js'
import { enrolledFold, FOLLOW_UP, SLICE_LEAST, type EnrolledFold } from './enrolled-fold.js'
import { GAINED, LOST, SURE_STEP } from './memory-fold.js'

const POOL = 'model=q'
const LAST = GRID.length - 1
const [KIND, HARD] = ['model=q,task=kind', 'model=q,task=hard']
const kind = { context: { model: 'q', task: 'kind' } }
const hard = { context: { model: 'q', task: 'hard' }, steps: LOST.steps }
const SECOND_SLICE = SLICE_LEAST + 2000

/** A pool with a certificate, by generations of its kind member, and the time of its last entry. */
function certifiedPool (): EnrolledFold & { readonly time: number } {
  const fold = enrolledFold({ certify_at: 'model', control_rate: 0.5 })
  const us = Array.from({ length: 256 }, (_, i) => (i + 0.5) / 256)
  fold.enrol(us, 0, { key: POOL })
  for (const u of us) fold.report(u, 1000, kind)
  fold.pass(2000, SECOND_SLICE)
  return Object.assign(fold, { time: SECOND_SLICE })
}

const us = (count: number) => Array.from({ length: count }, (_, i) => 0.0001 + i / 10_000)

/** The hard member loses 20 of 1,200 control generations of the pool in one slice, and the kind one keeps the rest. */
function oneSlice (): EnrolledFold & { readonly time: number } {
  const fold = certifiedPool()
  const { time } = fold
  fold.enrol(us(1200), time, { key: POOL })
  for (const u of us(1200)) fold.report(u, time + 1000, u < 0.00205 ? hard : kind)
  return Object.assign(fold, { time: time + 2000 })
}

t.test('each member has the evidence of its own control generations', async (t) => {
  const fold = oneSlice()
  const { epoch_name: epoch } = fold.state(POOL)
  t.match(fold.state(KIND).membership, { epoch, scorer: 0, evidence: { generations: 256 + 1180 }, left_at: null })
  const { evidence } = fold.state(HARD).membership!
  t.match({ generations: evidence.generations, lost: evidence.lost[LAST] }, { generations: 20, lost: 20 })
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
  const before = fold.state(POOL).threshold
  t.match(fold.changes.at(-1), { time: time + 500, key: HARD, cause: 'left_pool', before, after: null })
  t.ok(before !== null && fold.state(POOL).threshold === before, 'the pool keeps its threshold')
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
  t.equal(fold.state(POOL).epoch, 1)
})

t.test('outcomes of a member with a pin of its own take no place among those that wait for their list', async (t) => {
  const fold = certifiedPool()
  fold.learn({ type: 'pin', key: HARD, pin: { threshold: 0.7, reason: 'test', by: 'ops', expires_at: null }, by: 'ops', reason: 'test' }, fold.time)
  const { unenrolled } = fold.state(POOL).follow_up
  fold.report(0.3, fold.time + 1000, { ...hard, arm: 'control' })
  t.equal(fold.cohorts.get(POOL)!.early.length, 0)
  t.equal(fold.state(POOL).follow_up.unenrolled, unenrolled, 'nor are they missed')
})

t.test('generations enrolled before their member left still count for the pool; later ones are not expected to be enrolled', async (t) => {
  const fold = oneSlice()
  fold.pass(fold.time, fold.time + SLICE_LEAST)
  const time = fold.time + SLICE_LEAST + 1000
  fold.enrol([0.4, 0.41, 0.42], time, { key: POOL })
  fold.report(0.4, time + 500, { ...hard, steps: GAINED.steps })
  t.ok(fold.state(HARD).membership!.left_at !== null)
  fold.report(0.3, time + 1000, { ...hard, arm: 'control' })
  t.equal(fold.cohorts.get(POOL)!.early.length, 1, 'for a short time a list may still be under way')
  fold.pass(time + 2000, time + 59_000)
  const { follow_up: { reported, unenrolled, late } } = fold.state(POOL)
  fold.report(0.41, time + 60_000, hard)
  t.match(fold.state(POOL).follow_up, { reported: reported + 1 }, 'it was enrolled before')
  for (const u of us(50)) fold.report(0.3 + u, time + 61_000, { ...hard, arm: 'control' })
  t.match(fold.state(POOL).follow_up, { reported: reported + 1, unenrolled, late }, 'nobody expects them to be enrolled')
  t.equal(fold.cohorts.get(POOL)!.early.length, 0, 'so they take no place among those that wait')
})

t.test('where outcomes count on arrival, the detector of a member watches each as it arrives', async (t) => {
  const fold = enrolledFold({ certify_at: 'model', follow_up_seconds: 0 })
  for (let i = 0; i < 400; i++) fold.report(0.1, i, { ...kind, arm: 'control' })
  for (let i = 0; i < 20; i++) {
    fold.report(0.1, 1000 + i, { ...hard, arm: 'control' })
    for (let j = 0; j < 70; j++) fold.report(0.1, 1000 + i, { ...kind, arm: 'control' })
  }
  t.ok(fold.state(HARD).membership!.left_at! < 1020)
  t.equal(fold.changes.filter(({ cause }) => cause === 'left_pool').length, 1)
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
  fold.enrol([0.4, 0.7], fold.time, { key: POOL })
  for (const u of [0.4, 0.7]) fold.report(u, fold.time + 500, { ...hard, sample_index: 0, samples: 2 })
  const restored = restoreCohort(JSON.parse(JSON.stringify(storeCohort(cohort))))
  t.equal(restored.members.get(0.4)!.leaf, HARD, 'the context of a group that is known in part')
  t.match(restored.members.get(0.7), { arm: 'treated', reported: 1, leaf: undefined }, 'a treated one shows nothing of its context')
})
