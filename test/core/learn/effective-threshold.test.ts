import t from 'tap'
import { GRID } from '../../../src/core/decide/grid.js'
import { certifyingDepthOf, controlShareInForce, effectiveThreshold } from '../../../src/core/learn/effective-threshold.js'
import { type LinkFields, linkWith } from '../decide/snapshot-of.js'

/** The threshold in force for a leaf, given the links of root, model and leaf; the link at `depth` certifies. */
function force (root: LinkFields, model: LinkFields, leaf: LinkFields, depth = 2) {
  const { threshold, scope, source, isPinned } = effectiveThreshold([linkWith('*', root), linkWith('model=q', model), linkWith('model=q,task=x', leaf)], depth)
  return { threshold, scope, from: source.key, isPinned }
}

const none = { threshold: null, scope: 'none', from: 'model=q,task=x', isPinned: false }

t.test('a leaf that certifies for itself has its own threshold or none', async (t) => {
  t.strictSame(force({}, {}, {}), none)
  t.strictSame(force({ index: 5 }, { index: 9 }, {}), none)
  t.strictSame(force({ index: 5 }, {}, { index: 3 }), { threshold: GRID[3], scope: 'own', from: 'model=q,task=x', isPinned: false })
})

t.test('a member of a pool has the threshold of the pool, which is never called its own', async (t) => {
  t.strictSame(force({ index: 5 }, { index: 9 }, { index: 3 }, 1), { threshold: GRID[9], scope: 'pool', from: 'model=q', isPinned: false })
  t.strictSame(force({ index: 5 }, {}, { index: 3 }, 1), { ...none, from: 'model=q' })
  t.strictSame(force({ index: 5 }, { index: 9 }, {}, 0), { threshold: GRID[5], scope: 'pool', from: '*', isPinned: false })
})

t.test('law 2: a suspended threshold is not in force, for the members of its pool either, unless there is a pin', async (t) => {
  const suspended = { index: 9, isSuspended: true, learnedControlShare: 0.2 }
  t.strictSame(force({}, {}, suspended), none)
  t.strictSame(force({}, suspended, {}, 1), { ...none, from: 'model=q' })
  t.match(force({}, {}, { ...suspended, pin: 0.6 }), { threshold: 0.6, scope: 'own', isPinned: true })
  const effective = (leaf: LinkFields) => effectiveThreshold([linkWith('*'), linkWith('model=q', leaf)])
  t.match(effective(suspended), { isSuspended: true, guarantee: null })
  t.match([effective({ index: 9 }), effective({ ...suspended, pin: 0.6 })], [{ isSuspended: false }, { isSuspended: false }])
})

t.test('the certificate of a pool does not serve a member whose policy asks for another, and a pin does', async (t) => {
  const stricter = { policy: { max_em_drop: 0.01 } }
  t.strictSame(force({}, { index: 9 }, stricter, 1), { ...none, from: 'model=q' })
  t.match(force({}, { index: 9 }, { policy: { control_rate: 0.5 } }, 1), { scope: 'pool' }, 'fields that the certificate does not depend on may differ')
  t.match(force({}, { index: 9, pin: 0.6 }, stricter, 1), { threshold: 0.6, isPinned: true })
  t.match(force({}, { index: 9 }, { ...stricter, index: 3 }), { scope: 'own' }, 'without a pool there is nothing to differ from')
})

t.test('a member that has left the present epoch of its pool has no threshold from it, and is not evidence for it', async (t) => {
  const pool = { index: 9, epochName: '7-1' }
  t.strictSame(force({}, pool, { leftEpoch: '7-1' }, 1), { ...none, from: 'model=q' })
  t.match(force({}, pool, { leftEpoch: '5-1', knownEpoch: '7-1' }, 1), { scope: 'pool' }, 'an earlier one')
  t.match(force({}, { index: 9 }, {}, 1), { scope: 'pool' }, 'a pool without an epoch, and nobody who has left it')
  t.match(force({}, pool, { index: 3, leftEpoch: '7-1' }), { scope: 'own' }, 'it has no pool any more')
  t.match(force({}, { ...pool, pin: 0.6 }, { leftEpoch: '7-1' }, 1), { threshold: 0.6, isPinned: true }, 'a pin is the word of an operator')
  const chain = [linkWith('*', {}), linkWith('model=q', pool), linkWith('model=q,task=x', { leftEpoch: '7-1' })]
  t.match(effectiveThreshold(chain, 1), { isEvidence: false, isCovered: false })
})

t.test('a member whose state cannot be read has no threshold from its pool: it may have left', async (t) => {
  const chain = [linkWith('*', {}), linkWith('model=q', { index: 9 }), { ...linkWith('model=q,task=x', {}), isUnreadable: true }]
  t.match(effectiveThreshold(chain, 1), { threshold: null, scope: 'none', isEvidence: false })
  t.match(effectiveThreshold(chain.slice(0, 2), 1), { scope: 'own' }, 'the pool itself can be read')
})

t.test('a member of a pool is not evidence for it if it has a pin of its own or asks for another certificate', async (t) => {
  const isEvidence = (leaf: LinkFields, depth = 1) =>
    effectiveThreshold([linkWith('*', {}), linkWith('model=q', { index: 9 }), linkWith('model=q,task=x', leaf)], depth).isEvidence
  t.ok(isEvidence({}))
  t.notOk(isEvidence({ pin: 0.5 }))
  t.notOk(isEvidence({ policy: { check_every_tokens: 512 } }))
  t.ok(isEvidence({ pin: 0.5, policy: { check_every_tokens: 512 } }, 2), 'without a pool it is its own')
})

t.test('a pin takes precedence over the certificate: the leaf\'s own, otherwise that of its pool', async (t) => {
  t.strictSame(force({}, {}, { index: 3, pin: 0.5 }), { threshold: 0.5, scope: 'own', from: 'model=q,task=x', isPinned: true })
  t.strictSame(force({}, { index: 9, pin: 0.6 }, { pin: 0.5 }, 1), { threshold: 0.5, scope: 'own', from: 'model=q', isPinned: true })
  t.strictSame(force({}, { index: 9, pin: 0.6 }, {}, 1), { threshold: 0.6, scope: 'pool', from: 'model=q', isPinned: true })
  t.strictSame(force({}, { index: 9 }, { pin: null }, 1), { ...none, from: 'model=q', isPinned: true })
  t.strictSame(force({}, { pin: 0.6 }, {}), none, 'the pin of a parent that does not certify for it changes nothing')
  t.strictSame(force({}, {}, { pin: 0 }), { threshold: 0, scope: 'own', from: 'model=q,task=x', isPinned: true }, 'zero is a threshold')
})

t.test('the certifying link is the leaf or the level that its policy names, and the end of a shorter chain', async (t) => {
  const levels = ['model', 'task']
  const depth = (certify_at: string | null, keys = ['*', 'model=q', 'model=q,task=x']) =>
    certifyingDepthOf(levels, keys.map((key) => linkWith(key, { policy: { certify_at } })))
  t.equal(depth(null), 2)
  t.equal(depth('model'), 1)
  t.equal(depth('*'), 0)
  t.equal(depth(null, ['*', 'model=q']), 1)
})

t.test('a member that its pool does not cover has no control arm, under a pin either', async (t) => {
  const shareOf = (pool: LinkFields) => controlShareInForce(effectiveThreshold(
    [linkWith('*', {}), linkWith('model=q', { index: 9, epochName: '7-1', learnedControlShare: 0.5, ...pool }), linkWith('model=q,task=x', { leftEpoch: '7-1' })], 1))
  t.equal(shareOf({}), 0)
  t.equal(shareOf({ pin: 0.6 }), 0)
  t.equal(shareOf({ index: -1, epochName: '9-1' }), 0.5, 'in the next epoch that of the pool, which stops nothing yet')
  t.equal(shareOf({ epochName: '9-1' }), 1, 'it is new where the pool stops generations')
})

t.test('a member with a pin of its own has no control arm, so that the pin serves it even where its pool has no threshold', async (t) => {
  const shareOf = (pool: LinkFields) => controlShareInForce(effectiveThreshold(
    [linkWith('*', {}), linkWith('model=q', { learnedControlShare: 1, ...pool }), linkWith('model=q,task=x', { pin: 0.6 })], 1))
  t.equal(shareOf({ index: -1 }), 0)
  t.equal(shareOf({ index: 9 }), 0)
})

t.test('the control share in force is the learner\'s under auto or without a threshold, otherwise the policy\'s number at once', async (t) => {
  const inForce = (fields: LinkFields) => controlShareInForce(effectiveThreshold([linkWith('*'), linkWith('model=q', fields)]))
  t.equal(inForce({ index: 5, learnedControlShare: 0.5 }), 0.5)
  t.equal(inForce({ index: 5, learnedControlShare: 0.5, policy: { control_rate: 0.2 } }), 0.2)
  t.equal(inForce({ index: 5, learnedControlShare: 0.5, policy: { control_rate: 0.001 } }), 0.02, 'never below the floor')
  t.equal(inForce({ index: 5, isSuspended: true, learnedControlShare: 0.5 }), 0.5)
  t.equal(inForce({ index: 5, isSuspended: true, learnedControlShare: 0.5, policy: { control_rate: 0.2 } }), 0.2, 'as if it were in force')
  t.equal(inForce({}), 0.25, 'a quarter is control in a new context')
  t.equal(inForce({ policy: { evidence_span_seconds: 0 } }), 1, 'everything where evidence needs no span')
  t.equal(inForce({ policy: { control_rate: 0.5 } }), 0.5, 'a stated rate is the least share')
  t.equal(inForce({ learnedControlShare: 0.5 }), 0.5, 'span and budget may limit it')
  t.equal(inForce({ learnedControlShare: 1, policy: { control_rate: 0.1 } }), 1, 'whatever the rate')
  t.equal(inForce({ pin: 0.5 }), 0.02, 'a pin that the learner has yet to fold')
  t.equal(inForce({ pin: null, index: 5, learnedControlShare: 0.5 }), 0.5, 'pinned to null, as long as the learner has not folded it')
})
