import t from 'tap'
import { noEvidence, type Evidence } from '../../src/core/certificate/evidence.js'
import { isCohort } from '../../src/store/stored-cohort-schema.js'
import { cohortOf } from './fixtures.js'

const COHORT = cohortOf().store()

t.test('a cohort whose members or evidence do not fit its slices is invalid', async (t) => {
  const [slice] = COHORT.slices
  const withEvidence = (scorer: number, evidence: Evidence) =>
    isCohort({ ...COHORT, members: [], slices: [{ ...slice, evidence: [[scorer, evidence]] }] })
  t.ok(withEvidence(0, noEvidence(30)) && withEvidence(2, noEvidence(120)))
  t.notOk(withEvidence(0, noEvidence(60)), 'the raw confidence has 30 thresholds')
  t.notOk(withEvidence(2, noEvidence(121)))
  for (const list of ['lost', 'gained', 'unprobed', 'tokens'] as const) t.notOk(withEvidence(2, { ...noEvidence(60), [list]: [1, 2] }), list)
  const partial = (units: object) => withEvidence(2, { ...noEvidence(60), partial: units as never })
  t.ok(partial({ 3: noEvidence(60).lost, '-7': noEvidence(60).lost }))
  const { lost } = noEvidence(60)
  for (const odd of [{ 8: lost }, { x: lost }, { 3: [1] }, { 3: null }]) t.notOk(partial(odd), JSON.stringify(odd))
  for (const member of [[0.5, 1, 0.5, 0, 99], [0.5, 2, 0.5, 0, slice!.number], [2, 1, 0.5, 0, slice!.number], [0.5, 1, 0.5, 0]]) {
    t.notOk(isCohort({ ...COHORT, members: [member] }), String(member))
  }
})
