import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { LoadedContexts } from '../../../src/core/learn/chain-link.js'
import { generationsPerDay } from '../../../src/core/stats/savings.js'
import { isWithin } from '../../../src/core/policy/context.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { commandEffects, comparedPerDay } from '../../../src/core/reports/command-effect.js'
import { describeContext } from '../../../src/core/reports/context-report.js'
import { holds, numRuns } from '../../property.js'
import { GAINED, KEPT, LEAF, LOST, memoryFold, type MemoryFold, outcomeOf } from '../learn/memory-fold.js'
import { changed } from '../../changed-state.js'

/** After all generations of a fold, and within the hour in which the traffic of a day is not known yet, ms. */
const LATER = 1_000_000

const OTHER = outcomeOf({ context: { model: 'q', task: 'other' } })

function knownOf ({ ledger, states, predictors }: MemoryFold): LoadedContexts {
  const { configuration: { levels, defaults }, policies, pins } = ledger
  return { levels, defaultPolicy: defaults, policies: new Map(policies), pins: new Map(pins), predictors, states: new Map(states) }
}

const patch: fc.Arbitrary<PolicyPatch> = fc.record({
  max_em_drop: fc.constantFrom(0.01, 0.02, 0.021, 0.05),
  error_level: fc.constantFrom(0.05, 0.06, 0.3),
  label: fc.constantFrom('exact_match', 'agreement'),
  mode: fc.constantFrom('enforce', 'shadow', 'off'),
  min_tokens: fc.constantFrom(0, 5),
}, { requiredKeys: [] })
const key = fc.constantFrom('*', 'model=q', LEAF, 'model=q,task=other')
const policy = fc.option(patch, { nil: null })
const policyChange = fc.record({ type: fc.constant('policy' as const), key, policy, by: fc.constant('ops') })
const reset = fc.record({ type: fc.constant('reset' as const), key, by: fc.constant('ops'), reason: fc.constant('r') })
const pin = fc.record({
  type: fc.constant('pin' as const),
  key,
  pin: fc.option(fc.record({ threshold: fc.constantFrom(null, 0.7), reason: fc.constant('r'), by: fc.constant('ops'), expires_at: fc.constant(null) }), { nil: null }),
  by: fc.constant('ops'),
  reason: fc.constant('r'),
})
const next = fc.oneof({ arbitrary: policyChange, weight: 3 }, reset, pin)
const outcomes = fc.record({ entry: fc.constantFrom(KEPT, KEPT, OTHER, GAINED, LOST), times: fc.constantFrom(1, 60, 224, 450) })

t.test('the predicted effects equal the real ones', async (t) => {
  let moves = 0
  let modes = 0
  let epochs = 0
  let postHoc = 0
  let lasting = 0
  holds(t, fc.property(fc.array(fc.oneof(outcomes, policyChange, reset, pin), { maxLength: 8 }), next, (past, next) => {
    const fold = memoryFold()
    fold.learn(KEPT, 0, 300)
    for (const [i, event] of past.entries()) if ('times' in event) fold.learn(event.entry, i, event.times); else fold.learn(event, i)
    const known = knownOf(fold)
    const keys = [...fold.states.keys()].filter((within) => isWithin(within, next.key))
    const predicted = commandEffects(known, next, keys, LATER)

    fold.learn(next, LATER)
    const then = knownOf(fold)
    for (const { key, before, after, mode_before, mode_after, status_after, new_epoch, post_hoc } of predicted) {
      const view = describeContext(then, key)
      const viewBefore = describeContext(known, key)
      assert.deepEqual({ before, after, mode_before, mode_after, status_after, new_epoch, post_hoc }, {
        before: viewBefore.threshold,
        after: view.threshold,
        mode_before: viewBefore.mode,
        mode_after: view.mode,
        status_after: view.status,
        new_epoch: view.epoch !== known.states.get(key)!.epoch.number,
        post_hoc: view.guarantee === null ? post_hoc : view.guarantee.post_hoc,
      })
      if (before !== after) moves++
      if (mode_before !== mode_after) modes++
      if (new_epoch) epochs++
      if (post_hoc && after !== null) postHoc++
    }

    const { policies, pins } = known
    if (next.type === 'policy') fold.learn({ ...next, policy: policies.get(next.key) ?? null }, LATER)
    if (next.type === 'pin') fold.learn({ ...next, pin: pins.get(next.key) ?? null }, LATER)
    const undone = knownOf(fold)
    for (const { key, before, after, undo_restores: isRestored } of predicted) {
      assert.equal(isRestored, before === null || before === after || describeContext(undone, key).threshold === before, key)
      if (!isRestored) lasting++
    }
  }), numRuns(120, 360))
  for (const [kind, count] of Object.entries({ moves, modes, epochs, postHoc, lasting })) t.ok(count >= 5, `the random cases cover ${kind}: ${count}`)
})

const HOUR = 3_600_000

const pinAt = (threshold: number | null) =>
  ({ type: 'pin', key: LEAF, pin: { threshold, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' }) as const

/** A certified context with four control and four treated generations an hour; of 100 tokens, 60 are saved and 2 are probes. */
function certifiedWithTraffic (hours: number): MemoryFold {
  const fold = memoryFold({ control_rate: 0.5 })
  const probed = outcomeOf({ probe_tokens: 2, steps: [{ tokens: 38, confidence: 1, exact_match: 1 }] })
  fold.learn(probed, 0, 224)
  for (let hour = 1; hour <= hours; hour++) {
    fold.learn(probed, hour * HOUR, 4)
    fold.learn(outcomeOf({ arm: 'treated', steps: null, tokens: 40, stopped: true, stopped_probe: { tokens: 38, exact_match: 1, agreement: 1 }, u: 0.7 }), hour * HOUR, 4)
  }
  return fold
}

t.test('the cost in tokens a day follows from traffic, control share, savings and probes', async (t) => {
  const fold = certifiedWithTraffic(60)
  const known = knownOf(fold)
  const now = 60 * HOUR
  const [effect] = commandEffects(known, { type: 'policy', key: LEAF, policy: { mode: 'off' }, by: 'ops' }, [LEAF], now)
  const ratio = effect!.tokens_saved_ratio_before!
  // Half of the generations are control, of 100 tokens in full and 2 of probes.
  const aDay = generationsPerDay(fold.state().savings.day, now)!
  t.ok(Math.abs(aDay - 8 * 24) <= 8, `${aDay} generations a day`)
  const close = (a: number | null, b: number, message: string) => t.ok(Math.abs(a! - b) < 1e-6 * Math.abs(b), `${message}: ${a}, ${b}`)
  t.ok(ratio > 0.5 && ratio < 0.63)
  close(effect!.tokens_saved_per_day_before, aDay * (0.5 * 100 * ratio - 0.5 * 2), 'in force')
  t.equal(effect!.tokens_saved_per_day_after, 0, 'off: nothing is probed')
  t.match(effect, { tokens_saved_ratio_before: ratio, tokens_saved_ratio_after: 0, em_drop_after: 0 }, 'nothing is stopped')
  const [shadow] = commandEffects(known, { type: 'policy', key: LEAF, policy: { mode: 'shadow' }, by: 'ops' }, [LEAF], now)
  close(shadow!.tokens_saved_per_day_after, aDay * -(0.5 * 2), 'shadow: only the probes of control generations are left')

  const reset = { type: 'reset', key: LEAF, by: 'ops', reason: 'r' } as const
  close(commandEffects(known, reset, [LEAF], now)[0]!.tokens_saved_per_day_after, aDay * -2, 'a new epoch begins with control generations alone')
  const day = { ...fold.state().savings.day, since: now - HOUR, generations: 9300 * 3600, last_generations: null }
  const busy = { ...known, defaultPolicy: { ...known.defaultPolicy, control_rate: 'auto' as const }, states: new Map(known.states).set(LEAF, changed(fold.state(), { savings: { day } })) }
  close(commandEffects(busy, reset, [LEAF], now)[0]!.tokens_saved_per_day_after, 24 * day.generations * 0.1 * -2, 'of 9,300 a second a tenth gathers five times 186 in a span')

  const [pinned] = commandEffects(known, pinAt(0.7), [LEAF], now)
  t.equal(pinned!.tokens_saved_ratio_after, ratio, 'a pin is estimated from the evidence')
  t.equal(pinned!.em_drop_after, 0)
  close(pinned!.tokens_saved_per_day_after, effect!.tokens_saved_per_day_before!, 'it saves as much')
  const [tolerant] = commandEffects(known, { type: 'policy', key: LEAF, policy: { max_em_drop: 0.05 }, by: 'ops' }, [LEAF], now)
  t.equal(tolerant!.before, tolerant!.after)
  t.ok(commandEffects(known, pinAt(null), [LEAF], now)[0]!.tokens_saved_per_day_after! < 0)
  t.equal(commandEffects(known, reset, ['*'], now)[0]!.tokens_saved_per_day_before, null, 'the root certifies nothing')
  t.match(comparedPerDay(known, LEAF, { threshold: 0.9, tokens_saved_ratio: ratio / 2 }, now), {
    tokens_saved_per_day: aDay * (0.5 * 50 * ratio - 1), tokens_saved_per_day_now: effect!.tokens_saved_per_day_before,
  })
})

t.test('the cost is unknown before an hour of traffic', async (t) => {
  const known = knownOf(certifiedWithTraffic(0))
  const off = { type: 'policy', key: LEAF, policy: { mode: 'off' }, by: 'ops' } as const
  t.match(commandEffects(known, off, [LEAF], HOUR - 1), [
    { tokens_saved_per_day_before: null, tokens_saved_per_day_after: 0, tokens_saved_ratio_before: Number },
  ])
  t.match(commandEffects(known, off, [LEAF], HOUR), [{ tokens_saved_per_day_before: Number }])
})

t.test('a pin for a score without evidence has no figures', async (t) => {
  const known = knownOf(certifiedWithTraffic(60))
  t.match(commandEffects(known, pinAt(1), [LEAF], 60 * HOUR), [{ em_drop_after: null, tokens_saved_per_day_after: null, tokens_saved_per_day_before: Number }], 'safer than the grid')
})

t.test('a pin at the threshold in force is no change, though it is estimated in another way', async (t) => {
  const fold = memoryFold({ control_rate: 0.5, max_em_drop: 0.05 })
  const steps = [{ tokens: 38, confidence: 0.9, exact_match: 1 as const }]
  fold.learn(outcomeOf({ steps }), 0, 396)
  fold.learn(outcomeOf({ steps: [{ tokens: 38, confidence: 0.9, exact_match: 0 as const }] }), 0, 4)
  const known = knownOf(fold)
  const { before } = commandEffects(known, pinAt(0.5), [LEAF], HOUR)[0]!
  t.not(before, null)
  const [same] = commandEffects(known, pinAt(before), [LEAF], HOUR)
  t.ok(same!.em_drop_after! > 0)
  t.equal(same!.em_drop_before, same!.em_drop_after)
  t.equal(same!.tokens_saved_ratio_before, same!.tokens_saved_ratio_after)
})
