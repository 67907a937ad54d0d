import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { LoadedContexts } from '../../../src/core/contexts/chain-link.js'
import { isWithin } from '../../../src/core/policy/context.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { commandEffects, thresholdIn } from '../../../src/core/reports/command-effect.js'
import { describeContext } from '../../../src/core/reports/context-report.js'
import { holds } from '../../property.js'
import { GAINED, KEPT, LEAF, LOST, memoryFold, type MemoryFold, outcomeOf } from '../reducer/memory-fold.js'

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
  missing_labels: fc.constantFrom('lost', 'excluded'),
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
  holds(t, fc.property(fc.array(fc.oneof(outcomes, policyChange, reset, pin), { maxLength: 8 }), next, (past, next) => {
    const fold = memoryFold()
    fold.learn(KEPT, 0, 300)
    for (const [i, event] of past.entries()) if ('times' in event) fold.learn(event.entry, i, event.times); else fold.learn(event, i)
    const known = knownOf(fold)
    const keys = [...fold.states.keys()].filter((within) => isWithin(within, next.key))
    const predicted = commandEffects(known, next, keys, 100)

    fold.learn(next, 100)
    const then = knownOf(fold)
    for (const { key, before, after, mode_before, mode_after, status_after, new_epoch, post_hoc } of predicted) {
      const view = describeContext(then, key)
      assert.deepEqual({ before, after, mode_before, mode_after, status_after, new_epoch, post_hoc }, {
        before: thresholdIn(known, key),
        after: view.threshold,
        mode_before: describeContext(known, key).mode,
        mode_after: view.mode,
        status_after: view.status,
        new_epoch: view.epoch !== known.states.get(key)!.epoch,
        post_hoc: view.guarantee === null ? post_hoc : view.guarantee.post_hoc,
      })
      if (before !== after) moves++
      if (mode_before !== mode_after) modes++
      if (new_epoch) epochs++
      if (post_hoc && after !== null) postHoc++
    }
  }), 360)
  for (const [kind, count] of Object.entries({ moves, modes, epochs, postHoc })) t.ok(count >= 5, `the random cases cover ${kind}: ${count}`)
})
