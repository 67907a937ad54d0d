import fc from 'fast-check'
import t from 'tap'
import { GRID } from '../../../src/core/certificate/grid.js'
import { controlShareFor, controlShareInForce, decidesAlone, effectiveThreshold } from '../../../src/core/judgement/effective-threshold.js'
import { holds } from '../../property.js'
import { linkWith, type LinkFields } from '../decide/snapshot-of.js'

const PARENT = { policy: { fallback: 'parent' } } as const

/** What is in force for a leaf, given what stands at the root, the model and the leaf. */
function force (root: LinkFields, model: LinkFields, leaf: LinkFields) {
  const { threshold, scope, source, isPinned } = effectiveThreshold([linkWith('*', root), linkWith('model=q', model), linkWith('model=q,task=x', leaf)])
  return { threshold, scope, from: source.key, isPinned }
}

const none = { threshold: null, scope: 'none', from: 'model=q,task=x', isPinned: false }

t.test('only its own certificate stops a context that does not fall back', async (t) => {
  t.strictSame(force({}, {}, {}), none)
  t.strictSame(force({ index: 5 }, { index: 9 }, {}), none)
  t.strictSame(force({ index: 5 }, {}, { index: 3 }), { threshold: GRID[3], scope: 'own', from: 'model=q,task=x', isPinned: false })
})

t.test('a context that falls back uses its nearest certified ancestor\'s threshold', async (t) => {
  t.strictSame(force({ index: 5 }, { index: 9 }, PARENT), { threshold: GRID[9], scope: 'parent', from: 'model=q', isPinned: false })
  t.strictSame(force({ index: 5 }, {}, PARENT), { threshold: GRID[5], scope: 'parent', from: '*', isPinned: false })
  t.strictSame(force({ index: 5 }, { index: 9 }, { ...PARENT, index: 2 }), { threshold: GRID[2], scope: 'own', from: 'model=q,task=x', isPinned: false })
  t.strictSame(force({}, {}, PARENT), none)
  t.strictSame(force({ index: 5, ...PARENT }, { index: 9, ...PARENT }, {}), none, 'the leaf\'s policy decides, not the parent\'s')
})

t.test('a recovering context does not fall back, and none falls back past a recovering ancestor', async (t) => {
  t.strictSame(force({ index: 5 }, { index: 9 }, { ...PARENT, isRecovering: true }), none)
  t.strictSame(force({ index: 5 }, { isRecovering: true }, PARENT), none)
})

t.test('a pin takes precedence over the certificate, and a pin to null prevents falling back', async (t) => {
  t.strictSame(force({}, {}, { index: 3, pin: 0.5 }), { threshold: 0.5, scope: 'own', from: 'model=q,task=x', isPinned: true })
  t.strictSame(force({ index: 5 }, { index: 9 }, { ...PARENT, index: 3, pin: null }), { ...none, isPinned: true })
  t.strictSame(force({ index: 5 }, { pin: null, index: 9 }, PARENT), none, 'a parent pinned to null ends the search')
  t.strictSame(force({ index: 5 }, { pin: 0.7 }, PARENT), { threshold: 0.7, scope: 'parent', from: 'model=q', isPinned: true })
  t.strictSame(force({}, {}, { pin: 0 }), { threshold: 0, scope: 'own', from: 'model=q,task=x', isPinned: true }, 'zero is a threshold')
})

t.test('ancestors change nothing for a leaf that decides alone', async (t) => {
  const stands = fc.record({
    index: fc.constantFrom(-1, 0, 9),
    isRecovering: fc.boolean(),
    policy: fc.constantFrom({ fallback: 'continue' } as const, { fallback: 'parent' } as const),
    pin: fc.constantFrom(null, 0.5),
  }, { requiredKeys: ['policy'] }) as fc.Arbitrary<LinkFields>
  const seen = { alone: 0, not: 0 }
  holds(t, fc.property(stands, stands, stands, (root, model, own) => {
    const leaf = linkWith('model=q,task=x', own)
    if (!decidesAlone(leaf)) { seen.not++; return }
    seen.alone++
    t.same(effectiveThreshold([leaf]), effectiveThreshold([linkWith('*', root), linkWith('model=q', model), leaf]))
  }))
  t.ok(seen.alone > 10 && seen.not > 2)
})

t.test('the wanted control share follows the threshold, the rate and the savings', async (t) => {
  const want = (leaf: LinkFields, root: LinkFields = {}) => {
    const chain = [linkWith('*', root), linkWith('model=q', leaf)]
    return controlShareFor(chain.at(-1)!, effectiveThreshold(chain))
  }
  t.equal(want({}), 1, 'no threshold: everything')
  t.equal(want({ policy: { control_rate: 0.1 } }), 1, 'whatever the rate')
  t.equal(want({ index: 5, savedRatio: 0.5, generations: 600 }), 0.1)
  t.equal(want({ index: 5, savedRatio: 0.5, policy: { control_rate: 0.3 } }), 0.3)
  t.equal(want({ ...PARENT, generations: 600 }, { index: 5, savedRatio: 0.25 }), 0.2, 'the parent\'s savings where it falls back, the child\'s generations')
  t.equal(want({ pin: 0.5, index: 5, savedRatio: 0.2 }), 0.1, 'a pin counts as saving it all')
  t.equal(want({ pin: null, index: 5 }), 1, 'pinned to null: everything')
})

t.test('the control share in force is the learner\'s under auto, and the policy\'s number at once', async (t) => {
  const inForce = (fields: LinkFields) => {
    const leaf = linkWith('model=q', { savedRatio: 0.5, generations: 600, ...fields })
    return controlShareInForce(leaf, effectiveThreshold([linkWith('*'), leaf]))
  }
  t.equal(inForce({ index: 5, learnedControlShare: 0.3 }), 0.3)
  t.equal(inForce({ index: 5 }), 0.1, 'the share wanted, where the learner has none yet')
  t.equal(inForce({ index: 5, learnedControlShare: 0.3, policy: { control_rate: 0.2 } }), 0.2)
  t.equal(inForce({ learnedControlShare: 0.3 }), 1, 'everything is control without a threshold')
})
