import t from 'tap'
import type { Reading } from '../../../src/core/training/reading.js'
import type { VerdictName } from '../../../src/core/training/verdict.js'
import { verdictsOf } from '../../../src/core/training/verdicts.js'
import { readings } from './readings.js'

const said = (some: readonly Reading[], maxEmDrop = 0.02) =>
  verdictsOf(some, { max_em_drop: maxEmDrop, em_per_token_percent: null }).map(({ verdict }) => verdict)
const figuresOf = (some: readonly Reading[], name: VerdictName, maxEmDrop = 0.02) =>
  verdictsOf(some, { max_em_drop: maxEmDrop, em_per_token_percent: null }).find(({ verdict }) => verdict === name)?.figures

t.test('nothing, or one checkpoint, says nothing', async (t) => {
  t.same(said([]), [])
  t.same(said(readings(1, () => ({}))), [])
})

t.test('overthinking: EM falls while tokens rise, at the sixth checkpoint at the earliest', async (t) => {
  const run = readings(9, (i) => ({ em: i < 3 ? 0.6 + 0.05 * i : 0.7 - 0.01 * (i - 3), tokens: 1000 + 50 * i }))
  t.match(figuresOf(run, 'overthinking'), { checkpoints: 6, tokens_now: 1400, turned_at_step: 300 })
  t.notOk(said(run.slice(0, 7)).includes('overthinking'), 'five do not do')
  t.notOk(said(readings(9, (i) => ({ em: 0.7 - 0.01 * i, tokens: 1000 }))).includes('overthinking'), 'tokens are flat')
  t.notOk(said(readings(9, (i) => ({ em: 0.6 + 0.01 * i, tokens: 1000 + 50 * i }))).includes('overthinking'), 'EM rises with tokens')
  const falling = (em: readonly number[]) => said(readings(6, (i) => ({ em: em[i]!, tokens: 1000 + 50 * i }))).includes('overthinking')
  t.ok(falling([0.7, 0.69, 0.68, 0.67, 0.66, 0.65]))
  t.notOk(falling([0.7, 0.68, 0.69, 0.66, 0.67, 0.65]), 'two of 15 pairs the other way: P = 0.056, three windows have 0.05 together')
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
  const wild = readings(8, (i) => ({ em: 0.7 + 10 * noise[i]!, stderr: 0.05 }))
  t.notOk(said(wild).includes('plateau'), '100 questions: it may still rise by 5 points')
  t.notOk(said(readings(12, (i) => ({ em: 0.7 + 0.0005 * i }))).includes('plateau'), 'little is gained, but measurably')
  const fallen = run.map((one, i) => i < 7 ? one : { ...one, em: 0.65 })
  t.notOk(said(fallen).includes('plateau'), 'the last one has measurably less than the best level')
  t.notOk(said(run.map((one, i) => ({ ...one, tokens: 1000 - 10 * i }))).includes('plateau'), 'it buys tokens')
  t.notOk(said(run.map((one, i) => i < 7 ? one : { ...one, tokens: 850 })).includes('plateau'), 'or has just begun to')
  const rising = (sign: number) => run.map((one, i) => ({ ...one, em: one.em + sign * 0.001 * i, tokens: 1000 + 10 * i }))
  t.notOk(said(rising(-1)).includes('plateau'), 'it may have begun to overthink')
  t.ok(said(rising(0.5)).includes('plateau'), 'tokens that rise and buy nothing')
  t.notOk(said(run.map((one) => ({ ...one, truncated: 0.1 }))).includes('plateau'), 'the limit may hold it down')
  const hacked = run.map((one, i) => i < 6 ? { ...one, stderr: 0.005 } : { ...one, em: 0.687, stderr: 0.005, tokens: 700 })
  t.ok(said(hacked).includes('length_hacking') && !said(hacked).includes('plateau'), 'another verdict says that it fell')
})

t.test('a level from more than 20 checkpoints ago is another regime', async (t) => {
  const run = readings(30, (i) => i < 9 ? {} : { tokens: 700 })
  t.ok(said(run.slice(0, 25)).includes('tokens_collapsed'))
  t.notOk(said(run).includes('tokens_collapsed'))
})

t.test('the rules of other files are asked too', async (t) => {
  t.ok(said(readings(8, (i) => i < 6 ? {} : { tokens: 700 })).includes('tokens_collapsed'))
  t.ok(said(readings(9, (i) => ({ em: 0.7 - 0.005 * i, tokens: 1000 * 0.95 ** i }))).includes('unfavourable'))
})
