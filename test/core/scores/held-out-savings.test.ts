import t from 'tap'
import { fitPredictor } from '../../../src/core/scores/fit-predictor.js'
import { type EvidenceTerms, type HeldOutRun, heldOutSavings, MIN_GROUPS } from '../../../src/core/scores/held-out-savings.js'
import { plantedSamples } from './planted-samples.js'

const LEAF = 'model=q,task=x'
const TERMS: EvidenceTerms = { key: LEAF, max_em_drop: 0.02, min_tokens: 0 }

/** A generation of 100 tokens with checks at 20 and 60 tokens. The confidence passes every threshold at 60; the score is stated. */
function runOf (i: number, { early = 0, lost = 0 }: { early?: number, lost?: 0 | 1 } = {}): HeldOutRun {
  const steps = [{ tokens: 20, confidence: 0.05, lost }, { tokens: 60, confidence: 1, lost: 0 as const }]
  return { sample: { u: i / 1000, leaf: LEAF, label: 'exact_match', tokens: 100, steps, weight: 1 }, scores: [early, 1], grid: [0.95, 0.5] }
}

const runs = (count: number, of = runOf) => Array.from({ length: count }, (_, i) => of(i))

t.test('an example worked by hand: stops at 20 of 100 tokens by the score, at 60 by the confidence', async (t) => {
  const early = runs(100, (i) => runOf(i, { early: 0.9 }))
  t.strictSame(heldOutSavings(early, { [LEAF]: TERMS }), {
    [LEAF]: { generations: 100, max_em_drop: 0.02, tokens_saved_gross_ratio: 0.8, tokens_saved_gross_ratio_confidence: 0.4 },
  })
})

t.test('the threshold is the loosest up to which no more EM is lost than the bound', async (t) => {
  const savedBy = (losses: number) => heldOutSavings(
    runs(100, (i) => runOf(i, { early: 0.9, lost: i < losses ? 1 : 0 })), { [LEAF]: TERMS })[LEAF]!.tokens_saved_gross_ratio
  t.equal(savedBy(2), 0.8)
  t.equal(savedBy(3), 0.4)
  const none = heldOutSavings(runs(100, (i) => runOf(i, { early: 0.99, lost: 1 })), { [LEAF]: TERMS })
  t.equal(none[LEAF]!.tokens_saved_gross_ratio, 0, 'no threshold keeps the bound')
})

t.test('a group weighs as much as another, however many generations it has', async (t) => {
  const double = runs(100, (i) => runOf(i, { early: 0.9, lost: i < 3 ? 1 : 0 }))
    .map((run, i) => ({ ...run, sample: { ...run.sample, weight: i < 3 ? 0.5 : 1 } }))
  t.equal(heldOutSavings(double, { [LEAF]: TERMS })[LEAF]!.tokens_saved_gross_ratio, 0.8, 'one and a half of 98.5')
})

t.test('stops keep min_tokens', async (t) => {
  const early = runs(100, (i) => runOf(i, { early: 0.9 }))
  t.equal(heldOutSavings(early, { [LEAF]: { ...TERMS, min_tokens: 40 } })[LEAF]!.tokens_saved_gross_ratio, 0.4)
})

t.test('a context with too few groups, or without terms, has no estimate; the leaves of a pool have one together', async (t) => {
  t.strictSame(heldOutSavings(runs(MIN_GROUPS - 1), { [LEAF]: TERMS }), {})
  t.strictSame(heldOutSavings([...runs(MIN_GROUPS - 1), ...runs(MIN_GROUPS - 1)], { [LEAF]: TERMS }), {}, 'generations are not groups')
  t.strictSame(heldOutSavings(runs(MIN_GROUPS), {}), {})
  const other = runs(MIN_GROUPS).map((run) => ({ ...run, sample: { ...run.sample, u: run.sample.u + 0.5, leaf: 'model=q,task=y' } }))
  const pool = { ...TERMS, key: 'model=q' }
  const pooled = heldOutSavings([...runs(MIN_GROUPS), ...other], { [LEAF]: pool, 'model=q,task=y': pool })
  t.match(pooled, { 'model=q': { generations: 2 * MIN_GROUPS } })
  t.strictSame(Object.keys(pooled), ['model=q'])
})

/** Differences of the shares that the predictor and the confidence save in simulated contexts, by seed. */
function advantages (weights: readonly number[]): number[] {
  return Array.from({ length: 12 }, (_, seed) => {
    const samples = plantedSamples(seed + 1, [{ leaf: LEAF, generations: 600, weights }])
    const terms = { [LEAF]: { ...TERMS, max_em_drop: 0.05 } }
    const predictor = fitPredictor(samples, { name: 'p', label: 'exact_match', levels: 'model,task', terms })!
    const { generations, tokens_saved_gross_ratio: own, tokens_saved_gross_ratio_confidence: raw } = predictor.held_out_savings![LEAF]!
    t.equal(generations, 600)
    return own - raw
  })
}

function meanAndError (values: readonly number[]) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return { mean, error: Math.sqrt(variance / values.length) }
}

t.test('a predictor is estimated to save more where a signal knows more than the confidence', async (t) => {
  const gains = advantages([3, 1, 0, 0, 4])
  const { mean, error } = meanAndError(gains)
  t.comment(`mean ${mean}, standard error ${error}`)
  t.ok(mean > 0.03 && mean > 4 * error, `${mean} +- ${error}`)
})

t.test('a predictor is not estimated to save more where only the confidence is informative', async (t) => {
  const { mean, error } = meanAndError(advantages([3, 1, 0, 0, 0]))
  t.comment(`mean ${mean}, standard error ${error}`)
  t.ok(mean < 2 * error && mean > -0.02, `${mean} +- ${error}`)
})
