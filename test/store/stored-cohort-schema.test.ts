import t from 'tap'
import { noEvidence, type Evidence } from '../../src/core/certificate/evidence.js'
import { packNumbers } from '../../src/core/enrolment/packed-numbers.js'
import { isCohort } from '../../src/store/encoding/context-schemas.js'
import { cohortOf } from './fixtures.js'
import { storeCohort } from '../../src/core/enrolment/cohort-storage.js'

const COHORT = storeCohort(cohortOf())

t.test('a cohort whose members or evidence do not fit its slices is invalid', async (t) => {
  const [slice] = COHORT.slices
  const withEvidence = (scorer: number, evidence: Evidence) =>
    isCohort({ ...COHORT, members: { runs: [], units: '' }, slices: [{ ...slice, evidence: [[scorer, evidence]] }] })
  t.ok(withEvidence(0, noEvidence(30)) && withEvidence(2, noEvidence(120)))
  t.notOk(withEvidence(0, noEvidence(60)), 'the raw confidence has 30 thresholds')
  t.notOk(withEvidence(2, noEvidence(121)))
  for (const list of ['lost', 'gained', 'unprobed', 'tokens'] as const) t.notOk(withEvidence(2, { ...noEvidence(60), [list]: [1, 2] }), list)
  const partial = (units: object) => withEvidence(2, { ...noEvidence(60), partial: units as never })
  t.ok(partial({ 3: noEvidence(60).lost, '-7': noEvidence(60).lost }))
  const { lost } = noEvidence(60)
  for (const odd of [{ 8: lost }, { x: lost }, { 3: [1] }, { 3: null }]) t.notOk(partial(odd), JSON.stringify(odd))
  const { number } = slice!
  const withMembers = (runs: unknown[], ...units: number[]) => isCohort({ ...COHORT, members: { runs, units: packNumbers(units) } })
  t.ok(withMembers([[0.5, 0, number, 2]], 0.1, 0.2))
  for (const run of [[0.5, 0, 99, 2], [2, 0, number, 2], [0.5, 0, number, 1], [0.5, 0, number], [0.5, 0, number, 3]]) {
    t.notOk(withMembers([run], 0.1, 0.2), String(run))
  }
  t.notOk(withMembers([[0.5, 0, number, 2]], 0.1, 1.2), 'a draw beyond 1')
})

t.test('a cohort whose memory of draws is not whole is invalid', async (t) => {
  const { spent } = COHORT
  const pair = { units: packNumbers([0.1, 0.2]), until: packNumbers([5, 6]) }
  const hashes = packNumbers([0.3, 0.4])
  const withSpent = (changes: object) => isCohort({ ...COHORT, spent: { ...spent, ...changes } })
  t.ok(withSpent({ accounted: pair, void: { ...pair, hashes }, missed: hashes }))
  const one = packNumbers([0.5])
  for (const odd of [
    { accounted: { ...pair, until: one } }, { void: { ...pair, hashes: one } }, { void: { ...pair, until: one, hashes } },
    { missed: packNumbers([2]) }, { accounted: { units: '?', until: '?' } }, { missed: hashes.slice(1) },
  ]) t.notOk(withSpent(odd), JSON.stringify(odd))
})
