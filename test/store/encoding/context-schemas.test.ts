import t from 'tap'
import { noDifferences, packDifferences } from '../../../src/core/certificate/difference-sums.js'
import { noEvidence, type Evidence } from '../../../src/core/certificate/evidence.js'
import { storeCohort } from '../../../src/core/enrolment/cohorts.js'
import { packNumbers } from '../../../src/core/enrolment/seen-units.js'
import { isCohort, evidence, isOfGrid, isState } from '../../../src/store/encoding/context-schemas.js'
import { check } from '../../../src/store/encoding/stored-schemas.js'
import { cohortOf } from '../fixtures.js'

const COHORT = storeCohort(cohortOf())

t.test('a cohort whose members or evidence do not fit its slices is invalid', async (t) => {
  const [slice] = COHORT.slices
  const withEvidence = (scorer: number, evidence: Evidence) =>
    isCohort({ ...COHORT, members: { runs: [], units: '', hashes: '' }, slices: [{ ...slice, evidence: [[scorer, evidence]] }] })
  t.ok(withEvidence(0, noEvidence(30)) && withEvidence(0, noEvidence(20)))
  t.notOk(withEvidence(1, noEvidence(30)), 'an epoch has one score')
  t.notOk(withEvidence(0, noEvidence(31)))
  for (const list of ['lost', 'gained', 'unprobed', 'tokens'] as const) t.notOk(withEvidence(0, { ...noEvidence(20), [list]: [1, 2] }), list)
  const partial = (units: object) => withEvidence(0, { ...noEvidence(20), partial: units as never })
  t.ok(partial({ 3: noEvidence(20).lost, '-7': noEvidence(20).lost }))
  const { lost } = noEvidence(20)
  for (const odd of [{ 8: lost }, { x: lost }, { 3: [1] }, { 3: null }]) t.notOk(partial(odd), JSON.stringify(odd))
  const { number } = slice!
  const withMembers = (runs: unknown[], ...units: number[]) =>
    isCohort({ ...COHORT, members: { runs, units: packNumbers(units), hashes: packNumbers(units.map(() => 0.5)) } })
  t.ok(withMembers([[0.5, 0, number, 7, 2]], 0.1, 0.2))
  for (const run of [[0.5, 0, 99, 7, 2], [2, 0, number, 7, 2], [0.5, 0, number, 7, 1], [0.5, 0, number, 7], [0.5, 0, number, 7, 3]]) {
    t.notOk(withMembers([run], 0.1, 0.2), String(run))
  }
  t.notOk(withMembers([[0.5, 0, number, 7, 2]], 0.1, 1.2), 'a draw beyond 1')
  t.notOk(isCohort({ ...COHORT, members: { ...COHORT.members, hashes: packNumbers([0.5]) } }), 'a hash of nobody')
  t.notOk(isCohort({ ...COHORT, prompts: { filters: ['?', ''], count: 0, since: 0 } }))
})

t.test('sums for the test of the thresholds that are of another grid make a cohort invalid', async (t) => {
  const [slice] = COHORT.slices
  const withDifferences = (...row: unknown[]) => isCohort({ ...COHORT, members: { runs: [], units: '', hashes: '' }, slices: [{ ...slice, differences: [row] }] })
  const none = packDifferences(noDifferences(20))
  const sums = { ...none, lost: noDifferences(20).lost }
  t.ok(withDifferences(0, 30, none) && withDifferences(0, 20, none) && withDifferences(0, 20, sums))
  t.notOk(withDifferences(1, 20, none), 'an epoch has one score')
  t.notOk(withDifferences(0, 31, none))
  t.notOk(withDifferences(0, 30, sums))
  t.notOk(withDifferences(0, 20, { ...none, gained: [1] }))
  t.notOk(withDifferences(0, 20, { ...none, partial: { 3: [1] } }))
  t.notOk(withDifferences(0, 20))
})

t.test('a cohort whose memory of draws is not whole is invalid', async (t) => {
  const { spent } = COHORT
  const pair = { units: packNumbers([0.1, 0.2]), until: packNumbers([5, 6]) }
  const missed = packNumbers([0.3, 0.4])
  const withSpent = (changes: object) => isCohort({ ...COHORT, spent: { ...spent, ...changes } })
  t.ok(withSpent({ accounted: pair, void: pair, missed }))
  const one = packNumbers([0.5])
  for (const odd of [
    { accounted: { ...pair, until: one } }, { void: { ...pair, until: one } },
    { missed: packNumbers([2]) }, { accounted: { units: '?', until: '?' } }, { missed: missed.slice(1) },
    { former: { units: packNumbers([2]), until: 0 } }, { former: undefined },
  ]) t.notOk(withSpent(odd), JSON.stringify(odd))
})

// unreadable-state.test.ts tests what makes a state unreadable.

t.test('evidence has lists of numbers, of which some may be empty, and belongs to a grid of their length', async (t) => {
  const isEvidence = check(evidence)
  const sums = noEvidence(30)
  t.ok(isEvidence(sums) && isOfGrid(sums, 30))
  t.ok(isEvidence({ ...sums, lost: [] }) && isOfGrid({ ...sums, lost: [] }, 30))
  t.notOk(isOfGrid(sums, 60))
  t.notOk(isOfGrid({ ...sums, tokens: [] }, 30))
  t.notOk(isEvidence({ ...sums, lost: ['x'] }))
})

t.test('a value without the fields of a state is rejected', async (t) => {
  for (const odd of [null, 7, 'x', [], {}]) t.notOk(isState(odd), JSON.stringify(odd))
})
