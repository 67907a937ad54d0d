import t from 'tap'
import { MOST_EARLY } from '../../../src/core/enrolment/early-outcomes.js'
import { CHAIN, LEAF } from './memory-fold.js'
import { enrolledFold, FOLLOW_UP } from './enrolled-fold.js'

t.test('rule 2: an entry for an unknown context creates it, with its ancestors', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2], 1000)
  t.strictSame([...fold.states.keys()], CHAIN)
  t.match(fold.state(), { epoch: 1, epoch_cause: 'first_enrolment', epoch_name: '1000-1', follow_up: { enrolled: 2, void: 0 } })
})

t.test('rule 2: a list that is sent twice counts once', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0, { number: 7 })
  fold.enrol([0.1, 0.2], 10, { number: 7 })
  t.equal(fold.state().follow_up.enrolled, 1)
})

t.test('rule 3: an entry that is more than 10 s old, or of another epoch, is void for ever', async (t) => {
  for (const changes of [{ age: 10_001 }, { epoch: '9-9' }, { epoch: null }]) {
    const fold = enrolledFold()
    fold.enrol([0.9], 0)
    fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'test' }, 1)
    fold.enrol([0.1], 2, changes)
    t.match(fold.state(), { follow_up: { enrolled: 0, void: 1 } }, JSON.stringify(changes))
    fold.enrol([0.1], 3)
    t.match(fold.state(), { follow_up: { enrolled: 0, void: 1 } }, 'a later sample of its group enrols nothing')
    fold.enrol([0.2], 4, { age: 10_000 })
    t.equal(fold.state().follow_up.enrolled, 1)
  }
})

t.test('rule 3: a list that was held up on its way is as old as the log says', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.enrol([0.2], 11_000, { age: 500, after: 2000 })
  fold.enrol([0.3], 12_000, { age: 500, after: 900 })
  t.match(fold.state(), { follow_up: { enrolled: 3, void: 0 } })
  fold.enrol([0.4], 40_000, { age: 500, after: 500 })
  t.match(fold.state(), { follow_up: { enrolled: 3, void: 1 } })
})

t.test('an entry of a replica that knew no epoch yet enrols in the first one', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0, { epoch: null })
  fold.enrol([0.2], 1, { epoch: null })
  t.equal(fold.state().follow_up.enrolled, 2)
})

t.test('rule 3: an outcome that reaches the log before its entry waits for it, and its label with it', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.5], 0)
  fold.report(0.1, 1000)
  fold.report(0.2, 1000, { full: {} })
  fold.report(0.3, 1000)
  fold.learn({ type: 'label', generation_id: 'g0.2', em: 1 }, 1500)
  t.equal(fold.pending.size, 3)
  fold.pass(2000, 12_000)
  fold.enrol([0.1, 0.2], 12_999)
  t.equal(fold.pending.size, 1)
  t.equal(fold.cohorts.get(LEAF)!.open, 1, 'both are accounted for')
  fold.learn({ type: 'tick' }, 13_000)
  t.equal(fold.pending.size, 0)
  t.match(fold.state(), { follow_up: { enrolled: 3, unenrolled: 1 } })
  fold.enrol([0.3], 13_001)
  t.match(fold.state(), { follow_up: { enrolled: 4 } }, 'its outcome was given up')
})

t.test('rule 3: an early outcome whose entry is void is no evidence', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.5], 0)
  fold.report(0.1, 1000)
  fold.enrol([0.1], 2000, { age: 10_001 })
  fold.pass(3000, 12_000)
  fold.learn({ type: 'tick' }, 13_000)
  t.equal(fold.pending.size, 0)
  t.match(fold.state(), { follow_up: { enrolled: 1, void: 1, unenrolled: 1 } })
})

t.test('an entry of a context that does not certify is void, and so is one that counts outcomes on arrival', async (t) => {
  const pooled = enrolledFold({ certify_at: 'model' })
  pooled.enrol([0.1], 0)
  t.equal(pooled.cohorts.get(LEAF), undefined)
  t.equal(pooled.state().follow_up.void, 1)
  pooled.enrol([0.1], 0, { key: 'model=q' })
  t.equal(pooled.state('model=q').follow_up.enrolled, 1)
  const onArrival = enrolledFold({ follow_up_seconds: 0 })
  onArrival.enrol([0.1], 0)
  t.equal(onArrival.cohorts.get(LEAF), undefined)
})

t.test('an entry under a key that no context has is ignored', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0, { key: 'cluster=x', epoch: null })
  t.strictSame([...fold.states.keys()], [])
})

t.test('a member of a pool accounts for itself in the pool', async (t) => {
  const fold = enrolledFold({ certify_at: 'model' })
  fold.enrol([0.1, 0.2], 0, { key: 'model=q', epoch: null })
  fold.report(0.1, 1)
  fold.report(0.2, 1, { context: { model: 'q', task: 'other' } })
  t.equal(fold.cohorts.get('model=q')!.open, 0)
  fold.pass(1000, FOLLOW_UP)
  t.match(fold.state('model=q'), { follow_up: { accounted: 2, missing: 0 }, halves: [{ generations: 2 }, {}] })
  t.match(fold.state(), { generations: 1, halves: [{ generations: 0 }, {}] }, 'contexts below the certifying link show sums, no evidence')
})

t.test('more early outcomes than a group has samples account for it once', async (t) => {
  const fold = enrolledFold()
  fold.report(0.5, 0) // creates the context
  for (let i = 0; i < 3; i++) fold.report(0.25, 100, { generation_id: `sample-${i}`, sample_index: i, samples: 2 })
  fold.enrol([0.25, 0.75], 1000)
  t.match(fold.cohorts.get(LEAF)!.slices, [{ enrolled: 2, open: { control: 1, treated: 0 } }])
  fold.report(0.75, 2000)
  t.match(fold.cohorts.get(LEAF)!.slices, [{ open: { control: 0 } }])
})

t.test('rule 3: generations that end before their first check take no place among the waiting outcomes', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.5], 0)
  const short = { tokens: 5, steps: [] }
  for (let i = 0; i <= MOST_EARLY; i++) fold.report(0.25 + i / 10_000, 100, short)
  t.equal(fold.pending.size, 0)
  t.equal(fold.state().follow_up.unenrolled, MOST_EARLY + 1)
  fold.enrol([0.75], 200)
  t.match(fold.state().follow_up, { enrolled: 2, void: 0 })
  fold.report(0.9, 300, { ...short, sample_index: 1, samples: 2 })
  fold.report(0.95, 300, { ...short, arm: 'control' })
  t.equal(fold.pending.size, 2, 'another sample may have enrolled its group, and who has an arm has asked')
})
