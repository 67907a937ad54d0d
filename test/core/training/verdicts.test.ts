import t from 'tap'
import type { Reading } from '../../../src/core/training/reading.js'
import { VERDICTS, verdictsOf, type VerdictName } from '../../../src/core/training/verdicts.js'

/** Exact measurements, so that each rule is tried for itself; what they take under noise is in test/simulation/training-runs.test.ts. */
const readings = (count: number, at: (i: number) => Partial<Reading>): Reading[] =>
  Array.from({ length: count }, (_, i) => ({ step: 100 * i, em: 0.7, stderr: 0.01, tokens: 1000, n: 1000, truncated: 0, ...at(i) }))

const said = (some: readonly Reading[], maxEmDrop = 0.02) => verdictsOf(some, maxEmDrop).map(({ verdict }) => verdict)
const figuresOf = (some: readonly Reading[], name: VerdictName, maxEmDrop = 0.02) =>
  verdictsOf(some, maxEmDrop).find(({ verdict }) => verdict === name)?.figures

t.test('nothing, or one checkpoint, says nothing', async (t) => {
  t.same(said([]), [])
  t.same(said(readings(1, () => ({}))), [])
  t.equal(Object.keys(VERDICTS).length, 7)
})

t.test('overthinking: EM falls while tokens rise, at the sixth checkpoint at the earliest', async (t) => {
  const run = readings(9, (i) => ({ em: i < 3 ? 0.6 + 0.05 * i : 0.7 - 0.01 * (i - 3), tokens: 1000 + 50 * i }))
  t.match(figuresOf(run, 'overthinking'), { checkpoints: 6, tokens_now: 1400, turned_at_step: 300 })
  t.notOk(said(run.slice(0, 7)).includes('overthinking'), 'five do not do')
  t.notOk(said(readings(9, (i) => ({ em: 0.7 - 0.01 * i, tokens: 1000 }))).includes('overthinking'), 'tokens are flat')
  t.notOk(said(readings(9, (i) => ({ em: 0.6 + 0.01 * i, tokens: 1000 + 50 * i }))).includes('overthinking'), 'EM rises with tokens')
})

t.test('tokens collapse: good where EM stays, length hacking where it falls, nothing yet where it may', async (t) => {
  const collapse = (em: number) => readings(8, (i) => i < 6 ? {} : { tokens: 700, em })
  t.match(figuresOf(collapse(0.7), 'tokens_collapsed'), { tokens_before: 1000, tokens_now: 700, em_change: 0 })
  t.ok(said(collapse(0.75)).includes('tokens_collapsed'), 'or rises')
  t.match(figuresOf(collapse(0.6), 'length_hacking'), { em_before: 0.7, em_now: 0.6, before_step: 400 })
  for (const em of [0.7, 0.6]) t.notOk(said(readings(8, (i) => i < 6 ? {} : { tokens: 850, em })).some((name) => name === 'length_hacking' || name === 'tokens_collapsed'), 'a sixth is no collapse')
  const between = said(collapse(0.684), 0.01)
  t.notOk(between.includes('length_hacking') || between.includes('tokens_collapsed'), 'more than the policy allows, and not measurable')
  t.notOk(said(collapse(0.7).slice(0, 7)).includes('tokens_collapsed'), 'one checkpoint may be a slip')
})

t.test('truncation: more is cut off than was lost, and than the policy allows', async (t) => {
  const run = (truncated: number | null, em = 0.66) => readings(6, (i) => i < 5 ? {} : { em, truncated })
  t.match(figuresOf(run(0.1), 'truncation'), { truncated_rate: 0.1, max_em_drop: 0.02 })
  t.notOk(said(run(0.04)).includes('truncation'))
  t.notOk(said(run(null)).includes('truncation'), 'not reported')
  t.notOk(said(run(0.015, 0.7)).includes('truncation'), 'nothing lost, and less than the policy allows')
})

t.test('same level: within 0.3 points and the standard error', async (t) => {
  const pair = (a: number, b: number, stderr: number) => said(readings(2, (i) => ({ em: i === 0 ? a : b, stderr })))
  t.same(pair(0.7, 0.703, 0.01), ['same_level'])
  t.same(pair(0.703, 0.7, 0.01), ['same_level'])
  t.same(pair(0.7, 0.7031, 0.01), [])
  t.same(pair(0.7, 0.702, 0.001), [], 'measurably other')
})

t.test('plateau: no slope, and none that could be measured', async (t) => {
  const noise = [0.003, -0.002, 0.001, -0.004, 0.002, 0, -0.001, 0.003]
  const run = readings(8, (i) => ({ em: 0.7 + noise[i]! }))
  t.match(figuresOf(run, 'plateau'), { checkpoints: 8, em_now: 0.703 })
  t.notOk(said(run.slice(1)).includes('plateau'), 'seven do not do')
  t.notOk(said(run.map((one) => ({ ...one, stderr: 0.0005 }))).includes('plateau'), 'an evaluation that could see it')
  t.notOk(said(readings(8, (i) => ({ em: 0.6 + 0.01 * i }))).includes('plateau'))
})

t.test('unfavourable: the next cut costs more than the policy allows', async (t) => {
  const run = readings(9, (i) => ({ em: 0.7 - 0.005 * i, tokens: 1000 * 0.95 ** i }))
  const figures = figuresOf(run, 'unfavourable')!
  t.ok(Math.abs(figures.next_cut_ratio! - 0.05) < 1e-9)
  t.ok(Math.abs(figures.next_em_cost! - 0.005) < 1e-9)
  t.equal(figures.max_em_drop, 0.02)
  t.notOk(said(run, 0.2).includes('unfavourable'), 'a policy that allows it')
  t.notOk(said(readings(9, (i) => ({ em: 0.7, tokens: 1000 * 0.95 ** i }))).includes('unfavourable'), 'a cut that costs nothing')
  t.notOk(said(readings(9, (i) => ({ em: 0.7 - 0.005 * i, tokens: 1000 }))).includes('unfavourable'), 'no cut')
})
