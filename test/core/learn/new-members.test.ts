import fc from 'fast-check'
import t from 'tap'
import { CONTROL_FLOOR, drawArm } from '../../../src/core/decide/arm.js'
import { linkOf } from '../../../src/core/learn/chain-link.js'
import { countNewMembers } from '../../../src/core/learn/effective-threshold.js'
import { knownEvidence } from '../../../src/core/evidence/gathered-evidence.js'
import { FIRST_LOSSLESS_UNITS } from '../../../src/core/evidence/membership.js'
import { enrolDraw } from '../../../src/core/decide/enrol-draw.js'
import { compileSnapshot } from '../../../src/core/learn/compile-snapshot.js'
import type { ContextRule } from '../../../src/core/decide/rule.js'
import { ruleFor } from '../../../src/core/decide/snapshot.js'
import { restoreCohort, storeCohort } from '../../../src/core/evidence/cohorts.js'
import { wantedLabels } from '../../../src/core/evidence/stored-cohort.js'
import type { LoggedOutcome } from '../../../src/core/outcome/outcome.js'
import { byDepth, chainOf, type Context } from '../../../src/core/policy/context.js'
import { isExpiryDue } from '../../../src/core/learn/apply-time.js'
import { holds } from '../../property.js'
import { certifiedPool, FOLLOW_UP, kind, POOL, SLICE_MOST } from './enrolled-fold.js'
import { FIRST, KEPT, LOST, memoryFold, type MemoryFold, outcomeOf, SURE_STEP } from './memory-fold.js'

// A member that joins a pool under way. See docs/concepts/certificate.md.

const NEW = 'model=q,task=new'
const fresh = { context: { model: 'q', task: 'new' }, arm: 'control' } as const
const lossy = { ...fresh, steps: LOST.steps }

/** The rule of a replica for a context. */
function ruleIn (fold: MemoryFold, context: Context): ContextRule {
  const { configuration: { levels, defaults }, policies, pins } = fold.ledger
  const inputs = { levels, defaultPolicy: defaults, policies, pins, predictors: fold.predictors }
  const keys = byDepth([...fold.states.keys()].flatMap(chainOf))
  const links = new Map(keys.map((key) => [key, linkOf(inputs, key, fold.states.get(key))]))
  return ruleFor(compileSnapshot({ stateId: 'test', version: 1, levels, salt: 'salt' }, links), context)
}

/** A certified pool at the least control share, some time after the share fell. */
function settledPool (policy = {}) {
  const fold = certifiedPool({ control_rate: CONTROL_FLOOR, ...policy })
  fold.pass(fold.time, fold.time + 30_000)
  return Object.assign(fold, { time: fold.time + 31_000 })
}

/** The evidence of a pool, and its counts of generations that no list enrolled. */
const evidenceFor = (fold: MemoryFold) => {
  const { evidence: { final: evidence, open }, guards: { arms }, reports: { follow_up } } = fold.state(POOL)
  const { enrolled, reported, unenrolled, left_out: leftOut } = follow_up
  return { evidence, open, arms, enrolled, reported, unenrolled, leftOut }
}

t.test('a new member that loses ten generations net leaves its pool at once, and was never stopped', async (t) => {
  const fold = settledPool()
  const before = evidenceFor(fold)
  t.match(ruleIn(fold, fresh.context), { threshold: null, controlShare: 1, evidenceShare: CONTROL_FLOOR, epoch: fold.state(POOL).epoch.name }, 'before anything of it is known')
  for (let i = 0; i < 9; i++) fold.report(0.5 + i / 100, fold.time + i, lossy)
  fold.report(0.6, fold.time + 9, { ...fresh, steps: [SURE_STEP] })
  t.match(fold.state(NEW).membership, { units: 10, left_at: null, evidence: { generations: 10 } })
  t.match(ruleIn(fold, fresh.context), { threshold: null, controlShare: 1 })
  fold.report(0.7, fold.time + 10, lossy)
  t.match(fold.changes.at(-1), { time: fold.time + 10, key: NEW, cause: 'left_pool', before: null, after: null })
  t.match(ruleIn(fold, fresh.context), { threshold: null, controlShare: 0, enrolledShare: 0 })
  t.strictSame(evidenceFor(fold), before, 'the pool has no evidence of it, and misses none')
  t.not(fold.state(POOL).rule.threshold, null)
})

t.test('a new member that loses nothing is stopped after its first ten generations', async (t) => {
  const fold = settledPool()
  const before = evidenceFor(fold)
  const { levels } = fold.ledger.configuration
  for (let i = 0; i < FIRST_LOSSLESS_UNITS; i++) {
    t.match(ruleIn(fold, fresh.context), { threshold: null, controlShare: 1 })
    fold.report(0.5 + i / 100, fold.time + i, fresh)
  }
  t.match(ruleIn(fold, fresh.context), { threshold: fold.state(POOL).rule.threshold, scope: 'pool', controlShare: CONTROL_FLOOR, evidenceShare: CONTROL_FLOOR })
  t.strictSame(evidenceFor(fold), before)
  fold.report(0.9, fold.time + 100, fresh)
  t.equal(fold.state(NEW).membership!.units, FIRST_LOSSLESS_UNITS, 'from then on only draws below the share are its evidence')
  const inputs = { levels, defaultPolicy: fold.ledger.configuration.defaults, policies: new Map(), pins: new Map(), predictors: new Map() }
  const link = (key: string) => linkOf(inputs, key, fold.states.get(key))
  const keys = [...fold.states.keys()]
  t.equal(countNewMembers(levels, new Map(keys.map((key) => [key, link(key)]))), 0)
  t.equal(countNewMembers(levels, new Map([...keys, 'model=q,task=unseen'].map((key) => [key, link(key)]))), 1)
})

t.test('draws below the share are evidence of the pool as well', async (t) => {
  const fold = certifiedPool()
  const { time } = fold
  const before = fold.state(POOL)
  fold.enrol([0.4], time, { key: POOL })
  for (const u of [0.4, 0.7]) fold.report(u, time + 1000, fresh)
  fold.pass(time + 2000, time + FOLLOW_UP)
  t.match(fold.state(NEW).membership, { units: 2, left_at: null })
  t.equal(knownEvidence(fold.state(POOL).evidence).generations, knownEvidence(before.evidence).generations + 1)
  fold.report(0.75, time + FOLLOW_UP + 1000, { ...fresh, steps: null })
  fold.pass(time + FOLLOW_UP + 2000, time + 2 * FOLLOW_UP + 2000)
  t.equal(fold.state(NEW).membership!.units, 2, 'without its steps it shows nothing')
})

t.test('the missing labels of a new member are requested, and a restart loses none of its units', async (t) => {
  const fold = settledPool()
  const differing = { ...fresh, full: {}, steps: [{ tokens: 40, confidence: 1, answer_digest: 'b' }], answer_digest: 'a' } as const
  for (let i = 0; i < 10; i++) fold.report(0.5 + i / 100, fold.time + i, { ...differing, generation_id: `g${i}` })
  t.equal(fold.state(NEW).membership, undefined)
  const stored = storeCohort(fold.cohorts.get(POOL)!)
  t.same(wantedLabels(stored).map(({ generation_id: id }) => id), Array.from({ length: 10 }, (_, i) => `g${i}`))
  const restored = restoreCohort(JSON.parse(JSON.stringify(stored)))
  t.match(storeCohort(restored), stored)
  for (let i = 0; i < 10; i++) fold.learn({ type: 'label', generation_id: `g${i}`, em: i === 9 ? 0 : 1 }, fold.time + 1000 + i)
  t.match(fold.state(NEW).membership, { units: 10, left_at: null, evidence: { lost: { 29: 9 } } }, 'where the full answer is wrong too, nothing is lost')
  t.equal(fold.pending.size, 0)
  fold.report(0.7, fold.time + 2000, differing)
  fold.pass(fold.time + 3000, fold.time + FOLLOW_UP + 3000)
  t.ok(fold.state(NEW).membership!.left_at !== null, 'a label that does not come counts as the policy says: lost')
  t.match(fold.state(POOL).reports.follow_up, { missing: 0, labels_wanted: 0, labels_given: 0 }, 'nothing of this is about the pool')
})

t.test('label_rate also thins the units of a new member', async (t) => {
  const fold = settledPool({ label_rate: 0.6 })
  for (const u of [0.5, 0.55, 0.61, 0.7]) fold.report(u, fold.time, fresh) // a draw and its second hash are equal here
  t.equal(fold.state(NEW).membership!.units, 2)
})

t.test('a group of a new member is one unit, of which all samples count', async (t) => {
  const fold = settledPool()
  for (const [i, steps] of [LOST.steps, LOST.steps, KEPT.steps, KEPT.steps].entries()) {
    fold.report(0.5, fold.time + i, { ...fresh, generation_id: `g${i}`, sample_index: i, samples: 4, steps })
  }
  t.match(fold.state(NEW).membership, { units: 1, evidence: { generations: 1, lost: { 29: 0.5 } } })
  fold.report(0.5, fold.time + 10, { ...fresh, generation_id: 'again' })
  t.equal(fold.state(NEW).membership!.units, 1, 'a unit that is accounted for does not come again')
})

t.test('open units of new members take at most half of a pool\'s room', async (t) => {
  const fold = settledPool()
  const incomplete = { ...fresh, sample_index: 0, samples: 2 }
  for (let i = 0; i < 8300; i++) fold.report(0.5 + i / 20_000, fold.time, incomplete)
  t.equal(fold.cohorts.get(POOL)!.members.size, 8192)
})

t.test('a member that lost all from the start leaves when the threshold comes into force', async (t) => {
  const fold = memoryFold({ certify_at: 'model', max_em_drop: 0.1 })
  const bad = outcomeOf({ ...lossy, u: 0.01 })
  for (let i = 0; i < 11; i++) { // a sixteenth of the pool's units, so that its evidence is not spoilt
    fold.learn(bad, 0)
    fold.learn(KEPT, 0, 15)
  }
  fold.learn(KEPT, 1, 2 * FIRST)
  const { rule: { threshold } } = fold.state(POOL)
  t.not(threshold, null)
  const [certified, left] = fold.changes
  t.match(certified, { key: POOL, cause: 'evidence' })
  t.match(left, { key: NEW, cause: 'left_pool', time: certified!.time, after: null })
})

t.test('a known member, or one that has left, is not new again in the same epoch of the pool', async (t) => {
  const fold = settledPool()
  for (let i = 0; i < FIRST_LOSSLESS_UNITS; i++) fold.report(0.5 + i / 100, fold.time, fresh)
  fold.learn({ type: 'reset', key: NEW, by: 'ops', reason: 'test' }, fold.time)
  t.match(ruleIn(fold, fresh.context), { controlShare: 1 }, 'its own reset makes it new')
  fold.learn({ type: 'reset', key: POOL, below: false, by: 'ops', reason: 'test' }, fold.time)
  t.match(ruleIn(fold, kind.context), { threshold: null, controlShare: 1, evidenceShare: 1 }, 'and without a threshold all weigh the same')
})

t.test('a member that was idle for as long as evidence lasts is new again, unless it has left', async (t) => {
  const fold = settledPool({ max_evidence_age_seconds: 4000 })
  for (let i = 0; i < FIRST_LOSSLESS_UNITS; i++) fold.report(0.5 + i / 100, fold.time, fresh)
  const gone = { context: { model: 'q', task: 'gone' }, arm: 'control', steps: LOST.steps } as const
  for (let i = 0; i < 10; i++) fold.report(0.8 + i / 100, fold.time, gone)
  for (let at = fold.time; at < fold.time + 4_000_000; at += 1_000_000) {
    fold.enrol([0.001 + at / 1e10], at, { key: POOL })
    fold.report(0.001 + at / 1e10, at + 500, kind)
    fold.pass(at + 1000, at + 90_000)
  }
  const end = fold.time + 4_000_000
  t.match(ruleIn(fold, fresh.context), { controlShare: CONTROL_FLOOR })
  t.notOk(isExpiryDue(fold, end - 1))
  t.ok(isExpiryDue(fold, end))
  fold.learn({ type: 'tick' }, end)
  t.notOk(isExpiryDue(fold, end))
  t.match(ruleIn(fold, fresh.context), { threshold: null, controlShare: 1, evidenceShare: CONTROL_FLOOR })
  t.match(ruleIn(fold, gone.context), { controlShare: 0 })
  t.match(ruleIn(fold, kind.context), { threshold: fold.state(POOL).rule.threshold })
})

t.test('an idle member is new again at its next outcome, if no tick came before', async (t) => {
  const fold = settledPool({ max_evidence_age_seconds: 4000 })
  for (let i = 0; i < FIRST_LOSSLESS_UNITS; i++) fold.report(0.5 + i / 100, fold.time, fresh)
  fold.report(0.01, fold.time + 4_000_000, fresh)
  t.equal(fold.state(NEW).membership?.units ?? 0, 0)
})

const member = fc.record({ task: fc.constantFrom('kind', 'new', 'other'), u: fc.integer({ min: 0, max: 9999 }), isLost: fc.boolean() })
const someMembers = fc.uniqueArray(member, { selector: ({ u }) => u, maxLength: 60 })

t.test('only draws below the share of a pool enter its evidence, whichever members are new', async (t) => {
  holds(t, fc.property(fc.constantFrom(0.02, 0.1, 0.5), someMembers, (share, members) => {
    const fold = certifiedPool({ control_rate: share, max_em_drop: 0.5 })
    let { time } = fold
    const { epoch: { number: epoch } } = fold.state(POOL)
    let below = 0
    for (const [i, { task, u: place, isLost }] of members.entries()) {
      const u = (place + 0.5) / 10_000
      const context = { model: 'q', task }
      const rule = ruleIn(fold, context)
      const outcome: Partial<LoggedOutcome> = { context, arm: drawArm(u, rule.controlShare), generation_id: `g${i}` }
      const enrol = ({ share }: { readonly share: number }, u: number) => { fold.enrol([u], time, { key: POOL, share }) }
      enrolDraw({ enrol }, { salt: 'salt', levels: ['model', 'task'] }, rule, { u, id: `g${i}`, tokens: 0, context })
      if (rule.enrolledShare > 0 && u < share) below++
      fold.report(u, time + 10, isLost ? { ...outcome, steps: LOST.steps } : outcome)
      time += 1000
    }
    fold.pass(time, time + SLICE_MOST + 2000)
    const { generations } = knownEvidence(fold.state(POOL).evidence)
    const { unenrolled, missing } = fold.state(POOL).reports.follow_up
    return fold.state(POOL).epoch.number !== epoch || (generations === 256 + below && unenrolled === 0 && missing === 0)
  }), 15)
})

t.test('a new member whose generations end at once runs in full, too, and only draws below the share are evidence of the pool', async (t) => {
  holds(t, fc.property(someMembers, (members) => {
    const fold = memoryFold({ certify_at: 'model', control_rate: 0.1, max_em_drop: 0.5 })
    fold.learn(KEPT, 0, FIRST)
    let below = 0
    const { epoch: { number: epoch } } = fold.state(POOL)
    for (const { task, u: place, isLost } of members) {
      const u = (place + 0.5) / 10_000
      const rule = ruleIn(fold, { model: 'q', task })
      if (u < 0.1 && rule.controlShare > 0) below++
      fold.learn(outcomeOf({ context: { model: 'q', task }, u, arm: drawArm(u, rule.controlShare), ...(isLost && { steps: LOST.steps }) }), 1)
    }
    return fold.state(POOL).epoch.number !== epoch || knownEvidence(fold.state(POOL).evidence).generations === FIRST + below
  }), 100)
})

t.test('E5: a generation of a member whose label is missing counts as lost, and not in its estimates', async (t) => {
  const fold = settledPool()
  const before = fold.state(`${POOL},task=kind`).membership!
  const changed = { full: {}, answer_digest: 'x', steps: [{ tokens: 40, confidence: 1, answer_digest: 'y' }] }
  fold.enrol([0.001, 0.002], fold.time, { key: POOL })
  fold.report(0.001, fold.time + 1000, { ...kind, ...changed, arm: 'control' })
  fold.report(0.002, fold.time + 1000, { ...kind, arm: 'control' })
  fold.pass(fold.time + 2000, fold.time + FOLLOW_UP + 2000)
  const after = fold.state(`${POOL},task=kind`).membership!
  t.equal(after.evidence.generations, before.evidence.generations + 2)
  t.equal(after.accounted?.generations, before.evidence.generations + 1)
})
