import t from 'tap'
import type { Reading } from '../../../src/core/training/readings.js'
import type { VerdictName } from '../../../src/core/training/run.js'
import { costlyShortening, tokenCollapse, verdictsOf } from '../../../src/core/training/verdicts.js'
import { readings } from './readings.js'

const run = readings(9, (i) => ({ em: 0.7 - 0.005 * i, tokens: 1000 * 0.95 ** i }))

t.test('the verdict is given if the next cut exceeds the total drop that the policy allows', async (t) => {
  const { figures } = costlyShortening(run, { max_em_drop: 0.02 })!
  t.ok(Math.abs(figures.next_cut_ratio! - 0.05) < 1e-9)
  t.ok(Math.abs(figures.next_em_cost! - 0.005) < 1e-9)
  t.ok(Math.abs(figures.em_per_percent_of_tokens! - 0.005 * Math.log(0.99) / Math.log(0.95)) < 1e-6, 'half a point for 5 %')
  t.equal(figures.max_em_drop, 0.02)
  t.equal(costlyShortening(run, { max_em_drop: 0.2 }), null, 'a policy that allows the drop')
  t.equal(costlyShortening(readings(9, (i) => ({ em: 0.7, tokens: 1000 * 0.95 ** i })), { max_em_drop: 0.02 }), null, 'a cut that costs nothing')
  t.equal(costlyShortening(readings(9, (i) => ({ em: 0.7 - 0.005 * i, tokens: 1000 })), { max_em_drop: 0.02 }), null, 'no cut')
  const rising = readings(9, (i) => ({ em: 0.6 + 0.005 * i, tokens: 1000 * 1.05 ** i }))
  t.equal(costlyShortening(rising, { max_em_drop: 0.02 }), null, 'rising tokens are not a cut')
  t.equal(costlyShortening([], { max_em_drop: 0.02 }), null)
})

const after = (em: number, stderr = 0.01, tokens = 700) => readings(8, (i) => i < 6 ? { stderr } : { tokens, em, stderr })

t.test('fewer tokens are good news if EM stays, length hacking if it falls, and no verdict if it may have fallen', async (t) => {
  t.match(tokenCollapse(after(0.7), 0.02), { verdict: 'tokens_collapsed', figures: { tokens_before: 1000, tokens_now: 700, em_change: 0 } })
  t.match(tokenCollapse(after(0.75), 0.02), { verdict: 'tokens_collapsed' }, 'EM rises')
  t.match(tokenCollapse(after(0.6), 0.02), { verdict: 'length_hacking', figures: { em_before: 0.7, em_now: 0.6, before_step: 400 } })
  for (const em of [0.7, 0.6]) t.equal(tokenCollapse(after(em, 0.01, 850), 0.02), null, '15 % fewer tokens are not a collapse')
  t.equal(tokenCollapse(after(0.684), 0.01), null, 'a fall beyond what the policy allows that is not measurable')
  t.equal(tokenCollapse(after(0.691, 0.005), 0.02), null, 'a fall within what the policy allows that is just measurable')
  t.equal(tokenCollapse(after(0.7).slice(0, 7), 0.02), null, 'a single checkpoint may be an outlier')
  t.equal(tokenCollapse([], 0.02), null)
})

t.test('an evaluation with too few questions to show a fall is not good news', async (t) => {
  t.equal(tokenCollapse(after(0.7, 0.05), 0.02), null, '100 questions: a fall of 4 points is within the noise')
  t.match(tokenCollapse(after(0.7, 0.05), 0.05), { verdict: 'tokens_collapsed' }, 'a fall of 10 points is not')
  t.match(tokenCollapse(after(0.5, 0.05), 0.02), { verdict: 'length_hacking' }, 'a fall that they do show counts')
})

t.test('EM is compared with its level when tokens began to fall, not with an earlier one', async (t) => {
  const before = (i: number, most: number) => ({ em: 0.5 + 0.01 * i, tokens: i < 3 ? most : 990 })
  const rising = (em: number, most = 1000) => readings(16, (i) => i < 14 ? before(i, most) : { em, tokens: 500 })
  t.match(tokenCollapse(rising(0.55), 0.02), { verdict: 'length_hacking', figures: { em_before: 0.62, before_step: 1200 } })
  t.match(tokenCollapse(rising(0.55, 1300), 0.02), { verdict: 'tokens_collapsed' }, 'tokens began to fall when EM was there')
  t.match(tokenCollapse(rising(0.63), 0.02), { verdict: 'tokens_collapsed' })
  const third = readings(8, (i) => i < 5 ? {} : { tokens: 500, em: 0.6 })
  t.match(tokenCollapse(third, 0.02), { figures: { em_before: 0.7, before_step: 300 } }, 'not with a checkpoint that had already fallen')
})

const namesOf = (some: readonly Reading[], maxEmDrop = 0.02) =>
  verdictsOf(some, { max_em_drop: maxEmDrop }).map(({ verdict }) => verdict)
const figuresOf = (some: readonly Reading[], name: VerdictName, maxEmDrop = 0.02) =>
  verdictsOf(some, { max_em_drop: maxEmDrop }).find(({ verdict }) => verdict === name)?.figures

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
