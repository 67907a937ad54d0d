import t from 'tap'
import type { FullRun } from '../../test/simulation/service.js'
import { figuresOf, playSetting, prepare, type Played } from './play.js'
import { agreement, checksOf, confidence, NEVER, sampleBudget, settledEntropy, tokenBudget, type Setting } from './rules.js'

const STEPS = [
  { tokens: 8, confidence: 0.5, signals: { entropy: 1 }, answer: '3', em: 0 },
  { tokens: 16, confidence: 0.95, signals: { entropy: 1 }, answer: '4', em: 1 },
  { tokens: 24, confidence: 0.7, signals: { entropy: 0 }, answer: '5', em: 0 },
  { tokens: 32, confidence: 0.96, signals: { entropy: 0 }, answer: '4', em: 1 },
  { tokens: 40, confidence: 0.97, signals: { entropy: 0 }, answer: '4', em: 1 },
  { tokens: 48, confidence: 0.98, signals: { entropy: 0 }, answer: '4', em: 1 },
] as const
const RUN: FullRun = { generation_id: 'a', tokens: 60, answer_tokens: 2, em: 1, steps: STEPS }

const agreeing = (steps: FullRun['steps'], every = 0) => checksOf(steps, every, 1).map((check) => check.agreeing)
const stopOf = (setting: Setting) => setting.stopAt(checksOf(STEPS, setting.every, 1))

t.test('checks are the first recorded steps after each distance', async (t) => {
  t.same(checksOf(STEPS, 0, 1).map(({ tokens }) => tokens), [8, 16, 24, 32, 40, 48])
  t.same(checksOf(STEPS, 12, 1).map(({ tokens }) => tokens), [16, 32, 48])
  t.equal(checksOf([{ ...STEPS[0], probe_tokens: 4 }], 0, 1)[0]!.probeTokens, 4, 'a recorded cost comes first')
})

t.test('answers agree by their texts, whatever was said between two checks', async (t) => {
  t.same(agreeing(STEPS), [1, 1, 1, 1, 2, 3])
  t.same(agreeing(STEPS, 16), [1, 2, 3])
  t.same(agreeing([{ ...STEPS[0], answer: '' }, { ...STEPS[1], answer: '' }]), [1, 1], 'as in Dynasor, no answer agrees with none')
})

t.test('answers agree by their streak, or in votes while the leader gains', async (t) => {
  const streaks = [1, 2, 3, 1, 2].map((answer_streak, i) =>
    ({ tokens: 4 * (i + 1), confidence: 0.5, signals: { answer_streak }, em: 0 as const }))
  t.same(agreeing(streaks), [1, 2, 3, 1, 2])
  t.same(agreeing(streaks, 8), [1, 1], 'the answers at 8 and 16 tokens differ')
  const votes = [0.75, 0.875, 0.875, 0.9375, 0.75, 1, 1].map((confidence, i) => ({ tokens: i + 1, confidence, em: 1 as const }))
  t.same(agreeing(votes), [1, 2, 1, 2, 1, 2, 3])
})

t.test('each rule stops at the check that its paper says', async (t) => {
  t.equal(stopOf(NEVER), -1)
  t.equal(stopOf(agreement(3, 0)), 5)
  t.equal(stopOf(agreement(2, 16)), 1)
  t.equal(stopOf(agreement(4, 0)), -1)
  t.equal(stopOf(confidence(0.95, 0)), 3, 'DEER stops above the threshold, not at it')
  t.equal(stopOf(tokenBudget(17)), 2)
  t.equal(stopOf(sampleBudget(2)), 1)
  t.equal(stopOf(sampleBudget(6)), -1, 'all samples are the full run')
})

t.test('the entropy settles when its moving variance is small', async (t) => {
  // alpha 1/2, entropies 1 1 0 0 0 0: averages 1 1 1/2 1/4 1/8 1/16, variances 0 0 1/8 3/32 7/128 15/512.
  t.equal(stopOf(settledEntropy(0.5, 0.03, 2, 0)), 5)
  t.equal(stopOf(settledEntropy(0.5, 0.06, 2, 0)), 4)
  t.equal(stopOf(settledEntropy(0.5, 0.06, 1, 0)), 1)
  t.equal(stopOf(settledEntropy(0.5, 0.06, 0, 0)), 1, 'one entropy has no variance')
  t.equal(stopOf(settledEntropy(0.5, 0.06, 6, 0)), -1)
})

t.test('a stop pays for its answer and for each probe until then, and a budget for no probe', async (t) => {
  const prepared = prepare(RUN, [16], 3)
  const tokensOf = (setting: Setting) => playSetting(setting, prepared).tokens
  t.equal(tokensOf(NEVER), 60)
  t.equal(tokensOf(confidence(0.95, 0)), 32 + 2 + 4 * 3)
  t.equal(tokensOf(agreement(2, 16)), 32 + 2 + 2 * 3)
  t.equal(tokensOf(agreement(9, 0)), 60 + 6 * 3, 'probes that stop nothing cost all the same')
  t.equal(tokensOf(tokenBudget(17)), 24 + 2)
  t.same(playSetting(tokenBudget(17), prepared), { group: 'a', plays: 1, fullTokens: 60, tokens: 26, fullRight: 1, right: 0 })
})

t.test('the interval of runs without groups is that of their mean, and groups widen it', async (t) => {
  const lost = Array.from({ length: 400 }, (_, i) => i % 10 === 0 ? 1 : 0)
  const played = (groupOf: (i: number) => string): Played[] =>
    lost.map((one, i) => ({ group: groupOf(i), plays: 1, fullTokens: 10, tokens: 5, fullRight: 1, right: 1 - one }))
  const { saved, emFull, em, drop } = figuresOf(played(String))
  const error = Math.sqrt(0.1 * 0.9 / 399) // of a binomial mean
  t.ok(Math.abs(drop.high - drop.low - 2 * 1.966 * error) < 1e-4, 'Student\'s t at 399 degrees of freedom is 1.966')
  t.same([saved, emFull], [{ mean: 0.5, low: 0.5, high: 0.5 }, { mean: 1, low: 1, high: 1 }])
  t.ok(Math.abs(em.mean - 0.9) < 1e-12 && Math.abs(drop.mean - 0.1) < 1e-12)
  const alike = figuresOf(played((i) => `${i % 10}-${Math.floor(i / 100)}`)).drop
  t.ok(alike.high - alike.low > 2 * (drop.high - drop.low), 'losses that come together say less')
})
