import fc from 'fast-check'
import t from 'tap'
import { GRID } from '../../../src/core/certificate/grid.js'
import { effectiveThreshold, isLive, livePins, pinUnder, chainLink, decidesAlone, controlShareFor, type Pin } from '../../../src/core/judgement/effective-threshold.js'
import { FIRST, GAINED, KEPT, memoryFold, policyWith } from '../learn/memory-fold.js'
import { fingerprintOf } from '../../../src/core/predictor/fingerprint.js'
import { holds } from '../../property.js'
import { GUARANTEE, PREDICTOR, standingWith, type Stands } from '../decide/snapshot-of.js'

const PARENT = { policy: { fallback: 'parent' } } as const

/** What is in force for a leaf, given what stands at the root, the model and the leaf. */
function force (root: Stands, model: Stands, leaf: Stands) {
  const { threshold, scope, source, isPinned } = effectiveThreshold([standingWith('*', root), standingWith('model=q', model), standingWith('model=q,task=x', leaf)])
  return { threshold, scope, from: source.key, isPinned }
}

const none = { threshold: null, scope: 'none', from: 'model=q,task=x', isPinned: false }

t.test('only its own certificate stops a context that does not fall back', async (t) => {
  t.strictSame(force({}, {}, {}), none)
  t.strictSame(force({ index: 5 }, { index: 9 }, {}), none)
  t.strictSame(force({ index: 5 }, {}, { index: 3 }), { threshold: GRID[3], scope: 'own', from: 'model=q,task=x', isPinned: false })
})

t.test('one that falls back takes the nearest certified link\'s', async (t) => {
  t.strictSame(force({ index: 5 }, { index: 9 }, PARENT), { threshold: GRID[9], scope: 'parent', from: 'model=q', isPinned: false })
  t.strictSame(force({ index: 5 }, {}, PARENT), { threshold: GRID[5], scope: 'parent', from: '*', isPinned: false })
  t.strictSame(force({ index: 5 }, { index: 9 }, { ...PARENT, index: 2 }), { threshold: GRID[2], scope: 'own', from: 'model=q,task=x', isPinned: false })
  t.strictSame(force({}, {}, PARENT), none)
  t.strictSame(force({ index: 5, ...PARENT }, { index: 9, ...PARENT }, {}), none, 'the leaf\'s policy decides, not the parent\'s')
})

t.test('a child that drifted or was reset does not fall back, nor past an ancestor that did', async (t) => {
  t.strictSame(force({ index: 5 }, { index: 9 }, { ...PARENT, isRecovering: true }), none)
  t.strictSame(force({ index: 5 }, { isRecovering: true }, PARENT), none)
})

t.test('a pin wins over the certificate; null is never stop, and no falling back', async (t) => {
  t.strictSame(force({}, {}, { index: 3, pin: 0.5 }), { threshold: 0.5, scope: 'own', from: 'model=q,task=x', isPinned: true })
  t.strictSame(force({ index: 5 }, { index: 9 }, { ...PARENT, index: 3, pin: null }), { ...none, isPinned: true })
  t.strictSame(force({ index: 5 }, { pin: null, index: 9 }, PARENT), none, 'a parent pinned to null ends the search')
  t.strictSame(force({ index: 5 }, { pin: 0.7 }, PARENT), { threshold: 0.7, scope: 'parent', from: 'model=q', isPinned: true })
  t.strictSame(force({}, {}, { pin: 0 }), { threshold: 0, scope: 'own', from: 'model=q,task=x', isPinned: true }, 'zero is a threshold')
})

t.test('where a leaf stands alone, nothing above it changes what is in force', async (t) => {
  const stands = fc.record({
    index: fc.constantFrom(-1, 0, 9),
    isRecovering: fc.boolean(),
    policy: fc.constantFrom({ fallback: 'continue' } as const, { fallback: 'parent' } as const),
    pin: fc.constantFrom(null, 0.5),
  }, { requiredKeys: ['policy'] }) as fc.Arbitrary<Stands>
  const seen = { alone: 0, not: 0 }
  holds(t, fc.property(stands, stands, stands, (root, model, own) => {
    const leaf = standingWith('model=q,task=x', own)
    if (!decidesAlone(leaf)) { seen.not++; return }
    seen.alone++
    t.same(effectiveThreshold([leaf]), effectiveThreshold([standingWith('*', root), standingWith('model=q', model), leaf]))
  }))
  t.ok(seen.alone > 10 && seen.not > 2)
})

t.test('the share wanted', async (t) => {
  const want = (leaf: Stands, root: Stands = {}) => {
    const chain = [standingWith('*', root), standingWith('model=q', leaf)]
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

t.test('a standing says what a state amounts to', async (t) => {
  const fold = memoryFold({ evidence_window: 2 * FIRST })
  fold.learn(KEPT, 0, FIRST) // fills a half
  fold.learn({ ...GAINED, steps: [] }, 0)
  const judgement = { scorer: null, index: 4, threshold: GRID[4]!, guarantee: null }
  const standing = chainLink('k', policyWith(), undefined, fold.state(), judgement)
  t.match(standing, { key: 'k', index: 4, generations: FIRST + 1, isRecovering: false, guarantee: null })
  t.ok(Math.abs(standing.savedRatio - 0.6 * FIRST / (FIRST + 1)) < 1e-12, 'of both halves: all but one save 60 of 100')
  t.match(chainLink('k', policyWith(), undefined, fold.state(), { scorer: null, index: 4, threshold: null, guarantee: GUARANTEE }),
    { savedRatio: GUARANTEE.tokens_saved_ratio, guarantee: GUARANTEE }, 'as promised, where a promise is shown')
  t.equal(chainLink('k', policyWith(), undefined, fold.state(), { scorer: null, index: -1, threshold: null, guarantee: null }).savedRatio, 0)

  const recovering = { ...fold.state(), is_recovering: true }
  t.ok(chainLink('k', policyWith(), undefined, recovering, { scorer: null, index: -1, threshold: null, guarantee: null }).isRecovering)
  t.notOk(chainLink('k', policyWith(), undefined, recovering, judgement).isRecovering, 'certified again')
  t.match(chainLink('k', policyWith(), undefined, undefined, { scorer: null, index: -1, threshold: null, guarantee: null }), { savedRatio: 0, generations: 0, isRecovering: false })
})

t.test('a pin ends at its time, not before', async (t) => {
  const pin = (expires_at: number | null): Pin => ({ threshold: 0.5, reason: 'r', by: 'ops', expires_at })
  t.ok(isLive(pin(null), 1e15))
  t.ok(isLive(pin(1000), 999))
  t.notOk(isLive(pin(1000), 1000))
  const pins = new Map([['a', pin(null)], ['b', pin(1000)]])
  t.equal(livePins(pins, 999), pins, 'the same where none has expired')
  t.same([...livePins(pins, 1000).keys()], ['a'])
})

t.test('a pin of a predictor that is gone, or whose name another has, is never stop', async (t) => {
  const pin: Pin = { threshold: 0.9, scorer: 'p', scorer_fingerprint: fingerprintOf(PREDICTOR), reason: 'r', by: 'ops', expires_at: null }
  t.equal(pinUnder(new Map([['p', PREDICTOR]]), pin), pin)
  const other = { ...PREDICTOR, signals: [{ name: 'entropy', mean: 0.5, scale: 0.5 }] }
  for (const predictors of [new Map(), new Map([['p', other]])]) {
    t.strictSame(pinUnder(predictors, pin), { threshold: null, reason: 'r', by: 'ops', expires_at: null })
  }
})
