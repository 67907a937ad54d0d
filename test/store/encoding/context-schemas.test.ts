import t from 'tap'
import { noEvidence, type Evidence } from '../../../src/core/stats/evidence.js'
import { storeCohort } from '../../../src/core/evidence/cohorts.js'
import { packNumbers } from '../../../src/core/evidence/seen-units.js'
import type { StoredSlice } from '../../../src/core/evidence/stored-cohort.js'
import { isCohort, evidence, isOfGrid, isState } from '../../../src/store/encoding/context-schemas.js'
import { check } from '../../../src/store/encoding/stored-schemas.js'
import { cohortOf } from '../fixtures.js'

const COHORT = storeCohort(cohortOf())

t.test('a cohort whose members or evidence do not fit its slices is invalid', async (t) => {
  const [slice] = COHORT.slices
  const withEvidence = (evidence: Evidence | null, others: Partial<StoredSlice> = { watched: null }) =>
    isCohort({ ...COHORT, members: { runs: [], units: '', hashes: '' }, slices: [{ ...slice, evidence, ...others }] })
  t.ok(withEvidence(noEvidence(30)) && withEvidence(noEvidence(20)) && withEvidence(null))
  t.notOk(withEvidence(noEvidence(31)))
  t.notOk(withEvidence(null, { watched: noEvidence(30) }), 'watched, and no evidence')
  t.notOk(withEvidence(noEvidence(30), { watched: noEvidence(20) }), 'two grids')
  for (const list of ['lost', 'gained', 'unprobed', 'tokens'] as const) t.notOk(withEvidence({ ...noEvidence(20), [list]: [1, 2] }), list)
  const partial = (units: object) => withEvidence({ ...noEvidence(20), partial: units as never })
  t.ok(partial({ 3: noEvidence(20).lost, '-7': noEvidence(20).lost }))
  const { lost } = noEvidence(20)
  for (const odd of [{ 8: lost }, { x: lost }, { 3: [1] }, { 3: null }]) t.notOk(partial(odd), JSON.stringify(odd))
  const { number } = slice!
  const withMembers = (runs: unknown[], ...units: number[]) =>
    isCohort({ ...COHORT, members: { runs, units: packNumbers(units), hashes: packNumbers(units.map(() => 0.5)) } })
  t.ok(withMembers([[0.5, 0, number, 2]], 0.1, 0.2))
  for (const run of [[0.5, 0, 99, 2], [2, 0, number, 2], [0.5, 0, number, 1], [0.5, 0, number], [0.5, 0, number, 3]]) {
    t.notOk(withMembers([run], 0.1, 0.2), String(run))
  }
  t.notOk(withMembers([[0.5, 0, number, 2]], 0.1, 1.2), 'a draw beyond 1')
  t.notOk(isCohort({ ...COHORT, members: { ...COHORT.members, hashes: packNumbers([0.5]) } }), 'a hash of nobody')
  t.notOk(isCohort({ ...COHORT, prompts: { filters: ['?', ''], count: 0, since: 0 } }))
})

t.test('a cohort whose memory of draws is not whole is invalid', async (t) => {
  const { spent } = COHORT
  const pair = { units: packNumbers([0.1, 0.2]), until: packNumbers([5, 6]) }
  const withSpent = (changes: object) => isCohort({ ...COHORT, spent: { ...spent, ...changes } })
  t.ok(withSpent({ accounted: pair, void: pair, missed: pair }))
  const one = packNumbers([0.5])
  for (const odd of [
    { accounted: { ...pair, until: one } }, { void: { ...pair, until: one } }, { missed: { ...pair, until: one } },
    { missed: { ...pair, units: packNumbers([2, 0.5]) } }, { accounted: { units: '?', until: '?' } }, { missed: { ...pair, units: pair.units.slice(1) } },
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
