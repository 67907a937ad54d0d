import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { GRID } from '../../../src/core/certificate/thresholds.js'
import { certifyingDepthOf, effectiveThreshold } from '../../../src/core/contexts/effective-threshold.js'
import { leftEpochOf } from '../../../src/core/contexts/membership.js'
import type { Pin } from '../../../src/core/contexts/pin.js'
import { servingOf } from '../../../src/core/contexts/trials.js'
import { chainOf } from '../../../src/core/policy/context.js'
import { effectivePolicy } from '../../../src/core/policy/policy.js'
import { fingerprintOf } from '../../../src/core/predictor/predictor-version.js'
import type { Command, LogEntry } from '../../../src/core/reducer/log-entry.js'
import type { Change } from '../../../src/core/reducer/threshold-change.js'
import { type PastChanges, pastThreshold, type PresentThreshold, undoSince } from '../../../src/core/reports/rollback-effect.js'
import { holds } from '../../property.js'
import { linkWith, PREDICTOR } from '../decide/snapshot-of.js'
import { KEPT, LEAF, LOST, memoryFold, outcomeOf, SECOND } from '../reducer/memory-fold.js'

const LEVELS = ['model', 'task']
const KEYS = ['*', 'model=q', LEAF, 'model=q,task=other']
const OTHER = outcomeOf({ context: { model: 'q', task: 'other' } })
const by = 'ops'

/** Folds entries one by one, each a version, as a store and its learner do; keeps what is in force at each. */
function history (entries: ReadonlyArray<{ entry: LogEntry, times: number }>) {
  const fold = memoryFold({ certify_at: 'model' })
  const changes: PastChanges['changes'][number][] = []
  const commands: PastChanges['commands'][number][] = []
  const moments: Array<() => Map<string, number | null>> = []
  const note = () => {
    const states = new Map(fold.states)
    const pins = new Map(fold.ledger.pins)
    moments.push(() => new Map(KEYS.map((key) => {
      const chain = chainOf(key).map((link) => {
        const policy = effectivePolicy(fold.ledger.configuration.defaults, fold.ledger.policies, link) // of the end
        const state = states.get(link)
        const its = { knownEpoch: states.get('model=q')?.epoch_name ?? null, index: state?.threshold_index ?? -1, epochName: state?.epoch_name ?? null, leftEpoch: leftEpochOf(state) }
        return { ...linkWith(link, its), policy, pin: pins.get(link) }
      })
      return [key, effectiveThreshold(chain, certifyingDepthOf(LEVELS, chain)).threshold]
    })))
  }
  note()
  for (const [i, { entry, times }] of entries.entries()) {
    const version = i + 1
    if (entry.type === 'pin' || entry.type === 'policy' || entry.type === 'reset') {
      const replaced = entry.type === 'pin' ? fold.ledger.pins.get(entry.key) ?? null : null
      commands.unshift({ version, time: version, command: entry as Command, replaced })
    }
    const count = fold.changes.length
    fold.learn(entry, version, times)
    changes.unshift(...fold.changes.slice(count).reverse().map((change) => ({ ...change, version })))
    note()
  }
  const { ledger: { configuration: { defaults }, policies }, states, predictors } = fold
  const own = [...states].map(([key, state]) => [key, {
    threshold: state.threshold, scorer: servingOf(state), epochName: state.epoch_name, leftEpoch: leftEpochOf(state), knownEpoch: states.get('model=q')?.epoch_name ?? null,
  }] as const)
  const now = { levels: LEVELS, states: new Map(own), predictors, defaultPolicy: defaults, policies }
  return { past: { changes, commands }, pins: fold.ledger.pins, now, moments }
}

const key = fc.constantFrom(...KEYS)
const once = (entry: fc.Arbitrary<LogEntry>) => fc.record({ entry, times: fc.constant(1) })
const event = fc.oneof(
  fc.record({ entry: fc.constantFrom<LogEntry>(KEPT, KEPT, OTHER), times: fc.constantFrom(1, 100, 230) }),
  fc.record({ entry: fc.constant<LogEntry>(LOST), times: fc.constantFrom(1, 8, 8, 40) }),
  once(key.map((key) => ({ type: 'reset', key, by, reason: 'r' }))),
  once(fc.tuple(key, fc.constantFrom(undefined, null, 0.7, 0.9)).map(([key, threshold]) => (
    { type: 'pin', key, pin: threshold === undefined ? null : { threshold, reason: 'r', by, expires_at: null }, by, reason: 'r' }))),
  once(fc.tuple(key, fc.constantFrom({ certify_at: null }, { min_tokens: 3 }, { max_em_drop: 0.05 }, null)).map(([key, policy]) => (
    { type: 'policy', key, policy, by } as LogEntry)))
)

t.test('undoing restores the thresholds in force, at every version of any history', async (t) => {
  let differing = 0
  holds(t, fc.property(fc.array(event, { minLength: 3, maxLength: 12 }), (entries) => {
    const { past, pins, now, moments } = history(entries)
    for (const [version, moment] of moments.entries()) {
      const then = undoSince(version, past, pins)
      for (const [key, threshold] of moment()) {
        assert.equal(pastThreshold(then, now, key).threshold, threshold, `${key} at ${version}`)
        if (threshold !== moments.at(-1)!().get(key)) differing++
      }
    }
  }), 40)
  t.ok(differing > 100, 'many past thresholds differ from the present ones')
})

const pin = (threshold: number | null, expires_at: number | null = null): Pin => ({ threshold, reason: 'r', by, expires_at })
const change = (version: number, cause: Change['cause'], before: number | null, after: number | null) =>
  ({ time: version * 1000, key: LEAF, cause, epoch: 1, before, after, version })
const NOW = {
  levels: LEVELS,
  states: new Map<string, PresentThreshold>([[LEAF, { threshold: null, scorer: null, epochName: '2-1', leftEpoch: null, knownEpoch: '1-1' }], ['model=q', { threshold: GRID[4]!, scorer: null, epochName: '1-1', leftEpoch: null, knownEpoch: null }]]),
  predictors: new Map(),
  defaultPolicy: {},
  policies: new Map(),
}

t.test('changes before an unreadable one are not trusted', async (t) => {
  const gap = { id: '3', time: 3000, key: null, cause: 'unreadable', epoch: null, before: null, after: null, by: 'stopgate', reason: 'r', version: 3 } as const
  const past = { changes: [change(4, 'evidence', null, GRID[2]!), gap, change(2, 'evidence_stale', GRID[5]!, null)], commands: [] }
  t.match(undoSince(1, past, new Map()).thresholds, new Map([[LEAF, { threshold: null }]]))
})

t.test('a member of a pool gets back the threshold of its pool', async (t) => {
  const past = { changes: [{ ...change(4, 'evidence', GRID[7]!, GRID[2]!), key: 'model=q' }], commands: [] }
  t.equal(pastThreshold(undoSince(3, past, new Map()), { ...NOW, defaultPolicy: { certify_at: 'model' } }, LEAF).threshold, GRID[7])
  t.equal(pastThreshold(undoSince(5, past, new Map()), { ...NOW, defaultPolicy: { certify_at: 'model' } }, LEAF).threshold, GRID[4])
  const states = new Map(NOW.states).set(LEAF, { ...NOW.states.get(LEAF)!, knownEpoch: null })
  const pooled = { ...NOW, states, defaultPolicy: { certify_at: 'model' } }
  t.equal(pastThreshold(undoSince(3, past, new Map()), pooled, LEAF).threshold, null, 'a new member had none either')
  const renewed = { changes: [{ ...past.changes[0]!, cause: 'reset' as const }], commands: [] }
  t.equal(pastThreshold(undoSince(3, renewed, new Map()), pooled, LEAF).threshold, GRID[7], 'unless it may be new only in the epoch of now')
  t.equal(pastThreshold(undoSince(3, past, new Map()), NOW, LEAF).threshold, null, 'a leaf that certifies for itself has none')
})

t.test('a threshold is restored with its predictor, and not if that is retired', async (t) => {
  const past = { changes: [{ ...change(4, 'evidence', 0.95, null), before_scorer: 'p' }], commands: [] }
  const then = undoSince(3, past, new Map())
  t.strictSame(pastThreshold(then, { ...NOW, predictors: new Map([['p', PREDICTOR]]) }, LEAF), { threshold: 0.95, scorer: 'p' })
  t.strictSame(pastThreshold(then, NOW, LEAF), { threshold: null, scorer: null })
  const other = { ...NOW, predictors: new Map([['p', { ...PREDICTOR, grid: PREDICTOR.grid.with(29, 0.01) }]]) }
  const named = { ...past, changes: [{ ...past.changes[0]!, before_fingerprint: fingerprintOf(PREDICTOR) }] }
  t.strictSame(pastThreshold(undoSince(3, named, new Map()), other, LEAF), { threshold: null, scorer: null }, 'another predictor has its name now')
  const states = new Map([[LEAF, { threshold: 0.95, scorer: { name: 'p', fingerprint: fingerprintOf(PREDICTOR) }, epochName: '1-1', leftEpoch: null, knownEpoch: null }]])
  const unmoved = undoSince(3, { changes: [], commands: [] }, new Map())
  t.strictSame(pastThreshold(unmoved, { ...other, states }, LEAF), { threshold: null, scorer: null })
  t.strictSame(pastThreshold(unmoved, { ...NOW, predictors: new Map([['p', PREDICTOR]]), states }, LEAF), { threshold: 0.95, scorer: 'p' })
})

t.test('a pin that had expired by that version is not restored', async (t) => {
  const past = { changes: [change(3, 'policy', null, null)], commands: [] }
  t.equal(pastThreshold(undoSince(3, past, new Map([[LEAF, pin(0.7, 2999)]])), NOW, LEAF).threshold, null)
  t.equal(pastThreshold(undoSince(3, past, new Map([[LEAF, pin(0.7, 3001)]])), NOW, LEAF).threshold, 0.7, 'a pin that has expired since is restored')
})

t.test('a member that has left its pool has moved no threshold of its own', async (t) => {
  const left = { time: 5, version: 5, key: LEAF, cause: 'left_pool', epoch: 1, before: 0.9, after: null } as const
  t.same(undoSince(3, { changes: [left], commands: [] }, new Map()).thresholds.size, 0)
})

t.test('a member that had left its pool by that version gets no threshold, until an epoch of the pool that began before it', async (t) => {
  const lost = [{ entry: LOST, times: 8 }, { entry: OTHER, times: 230 }] // twice: the detector of the leaf alarms, and not that of the pool
  const entries = [{ entry: OTHER, times: 230 }, ...lost, ...lost]
  const reset: LogEntry = { type: 'reset', key: 'model=q', below: false, by, reason: 'r' }
  const { past, pins, now } = history([...entries, { entry: reset, times: 1 }, { entry: OTHER, times: SECOND }])
  const at = (version: number, { changes } = past) => pastThreshold(undoSince(version, { ...past, changes }, pins), now, LEAF).threshold
  t.ok(past.changes.some(({ cause, version }) => cause === 'left_pool' && version === 4))
  t.ok(at(3) !== null, 'before it left')
  t.equal(at(4), null, 'it has left')
  t.equal(at(5), null)
  t.ok(at(7) !== null, 'the next epoch of the pool has a threshold')
  const gone = history(entries)
  const without = { ...gone.past, changes: gone.past.changes.filter(({ version }) => version > 4) }
  t.equal(pastThreshold(undoSince(5, without, pins), gone.now, LEAF).threshold, null, 'so long ago that the history does not have it')
})
