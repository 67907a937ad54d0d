import t from 'tap'
import type { Reading } from '../../../src/core/training/reading.js'
import type { VerdictName } from '../../../src/core/training/verdict.js'
import { verdictsOf } from '../../../src/core/training/verdicts.js'
import { readings } from './readings.js'

const namesOf = (some: readonly Reading[], maxEmDrop = 0.02) =>
  verdictsOf(some, { max_em_drop: maxEmDrop, em_per_token_percent: null }).map(({ verdict }) => verdict)
const figuresOf = (some: readonly Reading[], name: VerdictName, maxEmDrop = 0.02) =>
  verdictsOf(some, { max_em_drop: maxEmDrop, em_per_token_percent: null }).find(({ verdict }) => verdict === name)?.figures

t.test('no or a single checkpoint gives no verdict', async (t) => {
  t.same(namesOf([]), [])
  t.same(namesOf(readings(1, () => ({}))), [])
})

t.test('overthinking: EM falls while tokens rise, at the sixth checkpoint at the earliest', async (t) => {
  const run = readings(9, (i) => ({ em: i < 3 ? 0.6 + 0.05 * i : 0.7 - 0.01 * (i - 3), tokens: 1000 + 50 * i }))
  t.match(figuresOf(run, 'overthinking'), { checkpoints: 6, tokens_now: 1400, turned_at_step: 300 })
  t.notOk(namesOf(run.slice(0, 7)).includes('overthinking'), 'five checkpoints are too few')
  t.notOk(namesOf(readings(9, (i) => ({ em: 0.7 - 0.01 * i, tokens: 1000 }))).includes('overthinking'), 'tokens are flat')
  t.notOk(namesOf(readings(9, (i) => ({ em: 0.6 + 0.01 * i, tokens: 1000 + 50 * i }))).includes('overthinking'), 'EM rises with tokens')
  const falling = (em: readonly number[]) => namesOf(readings(6, (i) => ({ em: em[i]!, tokens: 1000 + 50 * i }))).includes('overthinking')
  t.ok(falling([0.7, 0.69, 0.68, 0.67, 0.66, 0.65]))
  t.notOk(falling([0.7, 0.68, 0.69, 0.66, 0.67, 0.65]), 'two of 15 pairs in the opposite order have P = 0.056, above the joint level of 0.05')
})

t.test('truncation: more responses are cut off than EM was lost, and than the policy allows', async (t) => {
  const run = (truncated: number | null, em = 0.66) => readings(6, (i) => i < 5 ? {} : { em, truncated })
  t.match(figuresOf(run(0.1), 'truncation'), { truncated_rate: 0.1, max_em_drop: 0.02 })
  t.notOk(namesOf(run(0.04)).includes('truncation'))
  t.notOk(namesOf(run(null)).includes('truncation'), 'not reported')
  t.notOk(namesOf(run(0.015, 0.7)).includes('truncation'), 'no EM lost, and less than the policy allows')
})

t.test('same level: within 0.3 points and the standard error', async (t) => {
  const pair = (a: number, b: number, stderr: number) => namesOf(readings(2, (i) => ({ em: i === 0 ? a : b, stderr })))
  t.same(pair(0.7, 0.703, 0.01), ['same_level'])
  t.same(pair(0.703, 0.7, 0.01), ['same_level'])
  t.same(pair(0.7, 0.7031, 0.01), [])
  t.same(pair(0.7, 0.702, 0.001), [], 'measurably different')
})

t.test('plateau: EM has no slope that two evaluations could measure', async (t) => {
  const noise = [0.003, -0.002, 0.001, -0.004, 0.002, 0, -0.001, 0.003]
  const run = readings(8, (i) => ({ em: 0.7 + noise[i]! }))
  t.match(figuresOf(run, 'plateau'), { checkpoints: 8, em_now: 0.703 })
  t.notOk(namesOf(run.slice(1)).includes('plateau'), 'seven checkpoints are too few')
  t.notOk(namesOf(run.map((one) => ({ ...one, stderr: 0.0005 }))).includes('plateau'), 'an evaluation precise enough to measure the slope')
  t.notOk(namesOf(readings(8, (i) => ({ em: 0.6 + 0.01 * i }))).includes('plateau'))
  const wild = readings(8, (i) => ({ em: 0.7 + 10 * noise[i]!, stderr: 0.05 }))
  t.notOk(namesOf(wild).includes('plateau'), 'with 100 questions, EM may still rise by 5 points')
  t.notOk(namesOf(readings(12, (i) => ({ em: 0.7 + 0.0005 * i }))).includes('plateau'), 'a small but measurable gain')
  const fallen = run.map((one, i) => i < 7 ? one : { ...one, em: 0.65 })
  t.notOk(namesOf(fallen).includes('plateau'), 'the last checkpoint is measurably below the best level')
  t.notOk(namesOf(run.map((one, i) => ({ ...one, tokens: 1000 - 10 * i }))).includes('plateau'), 'training saves tokens')
  t.notOk(namesOf(run.map((one, i) => i < 7 ? one : { ...one, tokens: 850 })).includes('plateau'), 'training has just begun to save tokens')
  const rising = (sign: number) => run.map((one, i) => ({ ...one, em: one.em + sign * 0.001 * i, tokens: 1000 + 10 * i }))
  t.notOk(namesOf(rising(-1)).includes('plateau'), 'overthinking may have begun')
  t.ok(namesOf(rising(0.5)).includes('plateau'), 'tokens rise without a gain')
  t.notOk(namesOf(run.map((one) => ({ ...one, truncated: 0.1 }))).includes('plateau'), 'the token limit may hold EM down')
  const hacked = run.map((one, i) => i < 6 ? { ...one, stderr: 0.005 } : { ...one, em: 0.687, stderr: 0.005, tokens: 700 })
  t.ok(namesOf(hacked).includes('length_hacking') && !namesOf(hacked).includes('plateau'), 'another verdict says that EM fell')
})

t.test('levels from more than 20 checkpoints ago are ignored', async (t) => {
  const run = readings(30, (i) => i < 9 ? {} : { tokens: 700 })
  t.ok(namesOf(run.slice(0, 25)).includes('tokens_collapsed'))
  t.notOk(namesOf(run).includes('tokens_collapsed'))
})

t.test('the verdicts of other files are included', async (t) => {
  t.ok(namesOf(readings(8, (i) => i < 6 ? {} : { tokens: 700 })).includes('tokens_collapsed'))
  t.ok(namesOf(readings(9, (i) => ({ em: 0.7 - 0.005 * i, tokens: 1000 * 0.95 ** i }))).includes('costly_shortening'))
})
