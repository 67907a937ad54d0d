import t from 'tap'
import { GRID } from '../../../src/core/certificate/grid.js'
import { MOST_SAMPLES } from '../../../src/core/enrolment/member.js'
import { enrolledFold, FOLLOW_UP, SLICE_MOST } from './enrolled-fold.js'
import { LEAF } from './memory-fold.js'

t.test('rule 6: an enrolled generation that is reported as treated, stopped, without complete steps or in another context is missing', async (t) => {
  for (const [name, changes] of [
    ['treated', { arm: 'treated' }], ['stopped', { stopped: true }], ['no steps', { steps: null }], ['incomplete', { steps_complete: false }],
    ['elsewhere', { context: { model: 'q', task: 'other' } }],
  ] as const) {
    const fold = enrolledFold()
    fold.enrol([0.1], 0)
    fold.report(0.1, 1000, changes)
    fold.pass(2000, FOLLOW_UP)
    const halves = [{ generations: 1, lost: GRID.map(() => 1) }, {}]
    t.match(fold.state(), { follow_up: { enrolled: 1, accounted: 0, missing: 1 }, halves }, name)
  }
})

t.test('rule 6: a cancelled generation is left out', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1, 0.2], 0)
  fold.report(0.1, 1000, { cancelled: true, steps: null })
  fold.report(0.2, 1000)
  fold.pass(2000, SLICE_MOST)
  t.match(fold.state(), { follow_up: { accounted: 1, missing: 0, cancelled: 1 }, halves: [{ generations: 1 }, {}] })
})

t.test('rule 8: a sample that was retried counts once, so the group still waits for its last one', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.25], 0)
  const sample = (id: string, sample_index: number, changes = {}) =>
    fold.report(0.25, 100, { generation_id: id, sample_index, samples: 3, ...changes })
  sample('a', 0)
  sample('b', 1, { full: {} })
  sample('b-retried', 1)
  t.match([...fold.cohorts.get(LEAF)!.members.values()], [{ samples: 3, reported: 2, waiting: ['b'] }])
  fold.learn({ type: 'label', generation_id: 'b', em: 1 }, 200)
  t.equal(fold.cohorts.get(LEAF)!.open, 1)
  sample('c', 2)
  t.equal(fold.cohorts.get(LEAF)!.open, 0)
})

t.test('rule 8: samples of a group that state no number all count', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.25], 0)
  for (const id of ['a', 'b']) fold.report(0.25, 100, { generation_id: id, sample_index: -1, samples: 2 })
  t.equal(fold.cohorts.get(LEAF)!.open, 0)
})

t.test('a group without end keeps 4,096 samples, and any more count as lost', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.25], 0)
  for (let i = 0; i < MOST_SAMPLES + 10; i++) fold.report(0.25, 100, { generation_id: `g${i}`, sample_index: i, full: {} })
  t.equal(fold.pending.size, MOST_SAMPLES)
  t.match([...fold.cohorts.get(LEAF)!.members.values()], [{ reported: MOST_SAMPLES + 10, lost: 10 }])
})

t.test('an outcome for whose label there is no room counts at its worst, and keeps nothing', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.25, 0.5], 0)
  const cohort = fold.cohorts.get(LEAF)!
  Object.defineProperty(cohort, 'hasRoomForLabel', { value: false })
  fold.report(0.25, 100, { sample_index: 0, samples: 2, full: {} })
  t.equal(fold.pending.size, 0)
  t.match(cohort.members.get(0.25), { reported: 1, atWorst: 1, lost: 0, waiting: [], em: 0, graded: 0 })
  t.match(fold.state().follow_up, { reported: 1, labels_wanted: 1 })
  fold.report(0.5, 100)
  t.equal(cohort.open, 1, 'a labelled outcome needs no room')
})
