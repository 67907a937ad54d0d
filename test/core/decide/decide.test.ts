import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { secondHash, uniform } from '../../../src/core/decide/arm.js'
import { GRID } from '../../../src/core/decide/grid.js'
import type { Em, Step } from '../../../src/core/decide/step.js'
import { stopsOf } from '../../../src/core/stats/trace.js'
import { decide, decideStep, type Freshness, isProbeDue, type Reason, REASONS } from '../../../src/core/decide/decide.js'
import { enrolDraw, type DrawnIn } from '../../../src/core/decide/enrol-draw.js'
import { ruleFor } from '../../../src/core/decide/snapshot.js'
import type { Policy } from '../../../src/core/policy/policy.js'
import { scorerFor } from '../../../src/core/scores/predictor.js'
import { scoreStep } from '../../../src/core/decide/scorer.js'
import { holds } from '../../property.js'
import { type LinkFields, PREDICTOR, snapshotOf } from './snapshot-of.js'

const CONTEXT = { model: 'q', task: 'x' }
const KEY = 'model=q,task=x'

function decided (stands: LinkFields, step: Partial<Step>, freshness: Freshness = 'fresh') {
  return decide(snapshotOf({ [KEY]: stands }), freshness, { tokens: 100, confidence: 1, arm: 'treated', context: CONTEXT, ...step })
}

t.test('the reasons are a closed list in order of precedence', async (t) => {
  t.strictSame([...REASONS], [
    'off', 'stale_snapshot', 'suspended', 'no_threshold', 'no_score', 'min_tokens', 'asked_early', 'below_threshold', 'control_arm', 'shadow', 'retry', 'score_at_threshold',
  ])
})

t.test('the reason is the first of the list that applies', async (t) => {
  const every = new Set<Reason>()
  holds(t, fc.property(
    fc.constantFrom<Policy['mode']>('enforce', 'enforce', 'shadow', 'off'),
    fc.constantFrom<Freshness>('fresh', 'fresh', 'stale', 'too_old'),
    fc.constantFrom(-1, 10, 10, 10),
    fc.constantFrom(null, 0.5, 0.99, 1),
    fc.constantFrom(0, 50, 100),
    fc.constantFrom<'control' | 'treated'>('control', 'treated'),
    fc.constantFrom(undefined, 100, 101),
    fc.constantFrom(undefined, undefined, undefined, 'g0'),
    fc.constantFrom(false, false, false, true),
    (mode, freshness, index, confidence, tokens, arm, due_tokens, retry_of, isSuspended) => {
      const isTrue: Record<Reason, boolean> = {
        off: mode === 'off',
        stale_snapshot: freshness === 'too_old',
        suspended: isSuspended,
        no_threshold: index === -1,
        no_score: confidence === null,
        min_tokens: tokens < 50,
        asked_early: arm === 'treated' && due_tokens !== undefined && tokens < due_tokens,
        below_threshold: confidence !== null && confidence < GRID[10]!,
        control_arm: arm === 'control',
        shadow: mode === 'shadow',
        retry: retry_of !== undefined,
        score_at_threshold: true,
      }
      const reason = REASONS.find((name) => isTrue[name])!
      every.add(reason)
      const rare = { ...(due_tokens !== undefined && { due_tokens }), ...(retry_of !== undefined && { retry_of }) }
      const step = { confidence, tokens, arm, ...rare }
      const decision = decided({ index, isSuspended, policy: { mode, min_tokens: 50 } }, step, freshness)
      return decision.reason === reason && decision.decision === (reason === 'score_at_threshold' ? 'stop' : 'continue') &&
        decision.would_stop === ['control_arm', 'shadow', 'retry', 'score_at_threshold'].includes(reason) && decision.arm === arm &&
        decision.stale === (freshness !== 'fresh')
    }), 3000)
  t.equal(every.size, REASONS.length, 'each of them was met')
})

t.test('a treated step before the check that its last reply named is warned about, a control step is not', async (t) => {
  for (const index of [10, -1]) {
    t.same(decided({ index }, { due_tokens: 101 }).warnings, ['asked_early'])
    t.same(decided({ index }, { due_tokens: 100 }).warnings, [])
    t.same(decided({ index }, { due_tokens: 101, arm: 'control' }).warnings, [])
  }
})

t.test('a retry is treated, is not stopped, and draws nothing', async (t) => {
  const snapshot = snapshotOf({ [KEY]: { index: 10, learnedControlShare: 1 } })
  for (const changes of [{}, { arm: 'treated' }] as const) {
    const { decision, u } = decideStep(snapshot, 'fresh', { tokens: 32, confidence: 1, context: CONTEXT, generation_id: 'g', retry_of: 'g0', ...changes })
    t.match(decision, { decision: 'continue', reason: 'retry', arm: 'treated', would_stop: true, probe: false, warnings: [] })
    t.equal(u, null)
  }
})

t.test('a score equal to the threshold stops, the next number below does not', async (t) => {
  for (const [index, threshold] of GRID.entries()) {
    t.equal(decided({ index }, { confidence: threshold }).decision, 'stop')
    t.equal(decided({ index }, { confidence: threshold - Number.EPSILON / 2 }).reason, 'below_threshold')
  }
})

t.test('a decision has all its fields', async (t) => {
  t.strictSame(decided({ index: 10 }, { confidence: 0.99 }), {
    decision: 'stop',
    threshold: GRID[10],
    score: 0.99,
    scorer: 'confidence',
    reason: 'score_at_threshold',
    would_stop: true,
    arm: 'treated',
    context: KEY,
    scope: 'own',
    next_check_tokens: 128,
    probe: false,
    snapshot_version: 7,
    stale: false,
    warnings: [],
  })
})

t.test('an unknown confidence continues, and a float32 overshoot is clamped', async (t) => {
  t.match(decided({ index: 10 }, { confidence: null }), { decision: 'continue', reason: 'no_score', score: null })
  t.match(decided({ index: 10 }, { confidence: 1.0000005 }), { decision: 'stop', score: 1 })
  t.match(decided({ index: 10 }, { confidence: -0.0000005 }), { score: 0, reason: 'below_threshold' })
})

t.test('an unknown context continues, under its own key', async (t) => {
  const shuffled = snapshotOf({ '*': { policy: { evidence_span_seconds: 0 } } })
  t.match(decide(shuffled, 'fresh', { tokens: 1, confidence: 1, context: { model: 'a,b', task: 'new' }, generation_id: 'g' }), {
    decision: 'continue', reason: 'no_threshold', context: 'model=a%2Cb,task=new', scope: 'none', threshold: null, arm: 'control',
  })
  t.equal(decide(snapshotOf({}), 'fresh', { tokens: 1, confidence: 1 }).context, 'model=-,task=-')
})

t.test('a member of a pool has the threshold of the pool, with scope pool', async (t) => {
  const snapshot = snapshotOf({ 'model=q': { index: 4 }, [KEY]: { policy: { certify_at: 'model' }, learnedControlShare: 0.1 } })
  t.match(decide(snapshot, 'fresh', { tokens: 1, confidence: 1, arm: 'treated', context: CONTEXT }),
    { decision: 'stop', threshold: GRID[4], context: 'model=q', scope: 'pool' })
})

t.test('the arm is the echoed one, otherwise the draw of the group or generation, otherwise treated', async (t) => {
  const snapshot = snapshotOf({ [KEY]: { index: 10, learnedControlShare: 0.5 } })
  const armOf = (step: Partial<Step>) => decide(snapshot, 'fresh', { tokens: 1, confidence: 1, context: CONTEXT, ...step }).arm
  holds(t, fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (generation_id, group_id) =>
    armOf({ generation_id }) === (uniform('salt', generation_id) < 0.5 ? 'control' : 'treated') &&
    armOf({ generation_id, group_id }) === (uniform('salt', group_id) < 0.5 ? 'control' : 'treated') &&
    armOf({ generation_id, prompt_hash: group_id }) === (uniform('salt', group_id) < 0.5 ? 'control' : 'treated') &&
    armOf({ generation_id, group_id, prompt_hash: generation_id }) === armOf({ group_id }) &&
    armOf({ generation_id, group_id, arm: 'control' }) === 'control' && armOf({ generation_id, group_id, arm: 'treated' }) === 'treated'))
  t.equal(armOf({}), 'treated')
  const everything = snapshotOf({}, ['model', 'task'], null)
  t.equal(decide(everything, 'fresh', { tokens: 1, confidence: 1, generation_id: 'g' }).arm, 'treated', 'before the store was ever reached there is no salt')
})

t.test('a decision comes with the rule of its context, and with the draw of its arm where it draws one', async (t) => {
  const snapshot = snapshotOf({ [KEY]: { index: 3 } })
  const groundsOf = (step: Partial<Step>, of = snapshot) => decideStep(of, 'fresh', { tokens: 1, confidence: 1, context: CONTEXT, ...step })
  t.equal(groundsOf({}).rule, ruleFor(snapshot, CONTEXT))
  t.equal(groundsOf({ generation_id: 'g' }).u, uniform('salt', 'g'))
  t.equal(groundsOf({ generation_id: 'g', group_id: 'group' }).u, uniform('salt', 'group'))
  t.equal(groundsOf({ generation_id: 'g', arm: 'control' }).u, null, 'it has its arm')
  t.equal(groundsOf({}).u, null, 'it has no id')
})

t.test('a control generation is never stopped', async (t) => {
  const snapshot = snapshotOf({ [KEY]: { index: 29, learnedControlShare: 0.3 } })
  let control = 0
  for (let i = 0; i < 300; i++) {
    const { decision, arm } = decide(snapshot, 'fresh', { generation_id: `g${i}`, tokens: 1, confidence: 1, context: CONTEXT })
    if (arm === 'control') control++
    t.equal(decision, arm === 'control' ? 'continue' : 'stop')
  }
  t.ok(control > 60 && control < 120, `${control} of 300 at a share of 0.3`)
})

t.test('next_check_tokens is the next multiple of the cadence from min_tokens on, the same in both arms', async (t) => {
  holds(t, fc.property(fc.integer({ min: 1, max: 40 }), fc.nat({ max: 200 }), fc.nat({ max: 300 }), (every, minTokens, tokens) => {
    let expected = 0
    while (expected <= tokens || expected < minTokens) expected += every
    const stands = { index: 10, policy: { check_every_tokens: every, min_tokens: minTokens } }
    return decided(stands, { tokens, arm: 'control' }).next_check_tokens === expected && decided(stands, { tokens }).next_check_tokens === expected
  }), 1000)
})

t.test('a treated generation is not asked again while no threshold is in force, and a control one is', async (t) => {
  t.match(decided({}, {}), { decision: 'continue', reason: 'no_threshold', next_check_tokens: null })
  t.equal(decided({}, { arm: 'control' }).next_check_tokens, 128)
  t.equal(decided({ index: 10 }, {}).next_check_tokens, 128)
  t.equal(decided({ pin: 0.5 }, { confidence: 0.1 }).next_check_tokens, 128)
  t.equal(decided({ index: 10, pin: null }, {}).next_check_tokens, null)
})

t.test('in a mode that stops nothing a treated generation is not asked again, and a control one is', async (t) => {
  for (const mode of ['shadow', 'off'] as const) {
    t.equal(decided({ index: 10, policy: { mode } }, { confidence: 0.1 }).next_check_tokens, null, mode)
    t.equal(decided({ index: 10, policy: { mode } }, { arm: 'control' }).next_check_tokens, 128, mode)
  }
})

t.test('the probe decision uses the clamped confidence and the context\'s rule', async (t) => {
  const control = { arm: 'control', confidence: 1.0000005 } as const
  t.equal(decided({}, control).probe, true)
  t.equal(decided({}, { ...control, probed_score: 1 }).probe, false)
  t.equal(decided({ policy: { mode: 'off' } }, control).probe, false)
  t.equal(decided({ policy: { min_tokens: 101 } }, control).probe, false)
  t.equal(decided({}, { confidence: 1 }).probe, false, 'a treated one')
})

t.test('the score of the serving predictor decides, and a step without a confidence has no score', async (t) => {
  const snapshot = snapshotOf({ 'model=q,task=x': { index: 10, policy: { score: 'p' } } })
  const ask = (step: Partial<Step>) => decide(snapshot, 'fresh', { arm: 'treated', tokens: 100, confidence: 0.9, context: { model: 'q', task: 'x' }, ...step })
  const scorer = scorerFor(PREDICTOR, 'model=q,task=x')
  const score = scoreStep(scorer, 100, 0.9, undefined)!
  t.match(ask({}), { score, scorer: 'p', threshold: PREDICTOR.grid[10], decision: score >= PREDICTOR.grid[10]! ? 'stop' : 'continue' })
  t.match(ask({ tokens: 4000, confidence: 1, signals: { entropy: -1 } }), { decision: 'stop', reason: 'score_at_threshold' })
  t.match(ask({ tokens: 10, signals: { entropy: 9 } }), { decision: 'continue', reason: 'below_threshold' })
  t.match(ask({ confidence: null, signals: { entropy: -9 } }), { score: null, reason: 'no_score' })
  t.match(decide(snapshot, 'fresh', { arm: 'treated', tokens: 9, confidence: 1, context: { model: 'r' } }), { scorer: 'confidence', score: 1 })
})

const IDS = Array.from({ length: 400 }, (_, i) => `g${i}`)

t.test('control draws are enrolled, as far as label_rate says', async (t) => {
  const enrolled: number[] = []
  const sink = { enrol: (_: DrawnIn, u: number) => { enrolled.push(u) } }
  const snapshot = snapshotOf({ 'model=q,task=x': { index: 3, learnedControlShare: 0.2, policy: { label_rate: 0.5 } } })
  const rule = ruleFor(snapshot, CONTEXT)
  for (const id of IDS) enrolDraw(sink, snapshot, rule, { u: uniform('salt', id), id, tokens: 1, context: CONTEXT })
  const expected = IDS.filter((id) => uniform('salt', id) < 0.2 && secondHash('salt', id) < 0.5)
  t.ok(expected.length > 20)
  t.strictSame(enrolled, expected.map((id) => uniform('salt', id)))
})

t.test('nothing is enrolled before the store has been reached, where no labels come, or by a later step', async (t) => {
  const drawn: string[] = []
  const enrol = (salt: string | null, policy: object, tokens = 1, sample = 0) => {
    const snapshot = { ...snapshotOf({ 'model=q,task=x': { index: 3, learnedControlShare: 1, policy } }), salt }
    return enrolDraw({ enrol: ({ key }) => { drawn.push(key) } }, snapshot, ruleFor(snapshot, CONTEXT), { u: 0, id: 'g', tokens, context: CONTEXT, sample })
  }
  t.equal(enrol(null, {}), 'none')
  t.equal(enrol('salt', { label_rate: 0 }), 'none')
  t.equal(enrol('salt', {}, 1_000_000), 'late')
  t.equal(enrol('salt', {}, 1, 1), 'none', 'only sample 0 of a group enrols')
  t.same(drawn, [])
  t.equal(enrol('salt', {}), 'enrolled')
  t.same(drawn, ['model=q,task=x'])
})

const rule = { mode: 'enforce', minTokens: 0, scorer: null } as const

interface Asked { readonly tokens: number, readonly score: number | null }

const score = fc.oneof(
  fc.constantFrom(...GRID), // ties
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0.99, max: 1, noNaN: true }),
  fc.constant(null)
)
const generation = fc.record({
  asked: fc.array(fc.record({ tokens: fc.nat({ max: 100 }), score }), { maxLength: 12 })
    .map((asked) => asked.sort((a, b) => a.tokens - b.tokens)),
  minTokens: fc.nat({ max: 60 }),
})

/** The steps at which a worker that follows the reply probes. */
function probedAt (asked: readonly Asked[], minTokens: number): Set<Asked> {
  const probed = new Set<Asked>()
  let highest: number | null = null
  for (const step of asked) {
    if (!isProbeDue({ ...rule, minTokens }, 'control', { tokens: step.tokens, probed_score: highest }, step.score)) continue
    probed.add(step)
    highest = Math.max(highest ?? 0, step.score!)
  }
  return probed
}

function unprobed (asked: readonly Asked[], probed: ReadonlySet<Asked>, minTokens: number): number {
  const steps = asked.map((step) => probed.has(step) ? { ...step, em: 1 as Em } : step)
  return stopsOf({ tokens: 200, answerTokens: 0, em: 1, steps, isComplete: true }, minTokens).filter(({ isUnprobed }) => isUnprobed).length
}

t.test('probing when asked leaves no threshold unprobed and makes no useless probe', async (t) => {
  let probes = 0
  holds(t, fc.property(generation, ({ asked, minTokens }) => {
    const probed = probedAt(asked, minTokens)
    assert.equal(unprobed(asked, probed, minTokens), 0)
    for (const one of probed) {
      const others = new Set(probed)
      others.delete(one)
      assert.ok(unprobed(asked, others, minTokens) > 0)
    }
    probes += probed.size
  }), 1000)
  t.ok(probes > 1000, `${probes} probes`)
})

t.test('a probe is due at a threshold that no earlier probe has reached', async (t) => {
  const due = (score: number | null, probed_score?: number | null) => isProbeDue(rule, 'control', { tokens: 10, ...(probed_score !== undefined && { probed_score }) }, score)
  t.equal(due(GRID[5]!), true)
  t.equal(due(GRID[5]!, null), true)
  t.equal(due(GRID[5]!, GRID[6]!), true)
  t.equal(due(GRID[5]!, GRID[5]!), false)
  t.equal(due(GRID[5]! - 1e-9, GRID[6]!), false, 'between two thresholds')
  t.equal(due(GRID.at(-1)! - 1e-9), false, 'below them all')
  t.equal(due(null), false)
})

t.test('no probe is due if it could add no evidence', async (t) => {
  const step = { tokens: 10 }
  t.equal(isProbeDue(rule, 'control', step, 1), true)
  t.equal(isProbeDue(rule, 'treated', step, 1), false)
  t.equal(isProbeDue({ ...rule, mode: 'off' }, 'control', step, 1), false)
  t.equal(isProbeDue({ ...rule, mode: 'shadow' }, 'control', step, 1), true)
  t.equal(isProbeDue({ ...rule, minTokens: 11 }, 'control', step, 1), false)
  t.equal(isProbeDue({ ...rule, minTokens: 10 }, 'control', step, 1), true)
})
