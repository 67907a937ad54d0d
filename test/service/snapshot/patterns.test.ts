import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { bundleOf, decide, ruleFor, snapshotOfBundle } from '../../../src/core/decide/index.js'
import type { Command } from '../../../src/core/learn/index.js'
import { type Context, contextKey, effectivePolicy, type PolicyPatch } from '../../../src/core/policy/index.js'
import { loadSnapshot } from '../../../src/service/snapshot/load-snapshot.js'
import { createStore } from '../../../src/store/open/create-store.js'

const LEVELS = ['model', 'task', 'size']
const OPTIONS = { levels: LEVELS, defaultPolicy: {} }
const ORIGIN = { by: 'ops', reason: 'test' }
const VALUES = ['x', 'y', undefined, '*']

/** Every context of the values above, and of one that no key names. */
const ASKED = [...VALUES, 'unseen']
const CONTEXTS: readonly Context[] = ASKED.flatMap((model) => ASKED.flatMap((task) => ASKED.map((size) =>
  Object.fromEntries(Object.entries({ model, task, size }).filter(([, value]) => value !== undefined)) as Context)))

const keyOf = (values: readonly string[]): string => values.map((value, depth) => `${LEVELS[depth]}=${value}`).join(',') || '*'
const named = fc.constantFrom('x', 'y', '-', '%2A')
const context = fc.array(named, { maxLength: 3 }).map(keyOf) // the root, too
const pattern = fc.tuple(fc.array(fc.oneof(named, fc.constant('*')), { minLength: 1, maxLength: 2 }), named)
  .map(([above, last]) => keyOf([...above, last]))
const patch: fc.Arbitrary<PolicyPatch> = fc.record({
  min_tokens: fc.nat(100), mode: fc.constantFrom('off', 'shadow', 'enforce'), certify_at: fc.constantFrom(null, 'model', '*'),
}, { requiredKeys: ['min_tokens'], noNullPrototype: true })

const policyCommand = fc.tuple(fc.oneof(pattern, context), patch).map(([key, policy]): Command => ({ type: 'policy', key, policy, ...ORIGIN }))
const pinCommand = context.map((key): Command => ({ type: 'pin', key, pin: { threshold: 0.5, expires_at: null, ...ORIGIN }, ...ORIGIN }))
const anyCommand = fc.oneof({ arbitrary: policyCommand, weight: 3 }, { arbitrary: pinCommand, weight: 1 })
const commands = fc.array(anyCommand, { minLength: 1, maxLength: 10 })

/** The commands, and then those that undo them, the last ones first. */
function andBack (given: readonly Command[]): Command[] {
  const undo = (command: Command): Command => command.type === 'pin' ? { ...command, pin: null } : { ...command, policy: null } as Command
  return [...given, ...[...given].reverse().map(undo)]
}

t.test('with patterns, known and unknown contexts have the policy in force, loaded at once or change by change, and so has a bundle', async (t) => {
  const store = await createStore({ dataDir: t.testdir() })
  t.teardown(() => store.close())
  let last = await loadSnapshot(store, OPTIONS, null, await store.revision(), 0)
  const before = JSON.stringify(bundleOf(last.snapshot).root)
  let unlike = 0
  for (const given of fc.sample(commands, { seed: 20_240_601, numRuns: 20 })) {
    for (const command of andBack(given)) {
      await store.append([command])
      const revision = await store.revision()
      last = await loadSnapshot(store, OPTIONS, last, revision, 0)
      const whole = await loadSnapshot(store, OPTIONS, null, revision, 0)
      const bundled = snapshotOfBundle(JSON.parse(JSON.stringify(bundleOf(whole.snapshot))))
      for (const context of CONTEXTS) {
        const policy = effectivePolicy({}, whole.inputs.policies, contextKey(LEVELS, context))
        const rule = ruleFor(whole.snapshot, context)
        assert.deepEqual([rule.minTokens, rule.mode], [policy.min_tokens, policy.mode], JSON.stringify(context))
        assert.deepEqual(ruleFor(last.snapshot, context), rule)
        const step = { context, tokens: 50, confidence: 1, arm: 'treated' as const }
        assert.deepEqual(decide(bundled, 'fresh', step), decide(whole.snapshot, 'fresh', step))
        if (rule !== whole.snapshot.root.rule) unlike++
      }
    }
    assert.equal(JSON.stringify(bundleOf(last.snapshot).root), before, 'nothing is left of what was removed')
    assert.deepEqual([...last.links.keys()], ['*'])
  }
  t.ok(unlike > 1000, `${unlike} rules were not the root's`)
})
