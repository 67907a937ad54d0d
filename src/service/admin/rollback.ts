import { isDeepStrictEqual } from 'node:util'
import type { SnapshotInputs } from '../../core/contexts/chain-link.js'
import { knownEpochOf, leftEpochOf } from '../../core/contexts/membership.js'
import type { Pin } from '../../core/contexts/pin.js'
import { servingOf } from '../../core/contexts/trials.js'
import { parseContextKey } from '../../core/policy/context.js'
import { type PolicyPatch, UNREADABLE_POLICY } from '../../core/policy/policy.js'
import { fingerprintOf } from '../../core/predictor/predictor-version.js'
import { inStep } from '../../core/reducer/apply-command.js'
import type { Command, Origin } from '../../core/reducer/log-entry.js'
import { effectBetween, thresholdIn } from '../../core/reports/command-effect.js'
import { pastThreshold, type PresentThreshold, undoSince } from '../../core/reports/rollback-effect.js'
import { FutureVersionError, VersionOutOfReachError } from '../../errors/errors.js'
import type { Store } from '../../store/store.js'
import type { Config } from '../config/config.js'
import { createCommander } from '../learner/commander.js'
import { readSnapshotInputs } from '../snapshot/load-snapshot.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import { checkPolicies } from './context-commands.js'
import { forEachChunk, readContextKeys } from './context-reader.js'
import { checkConfirmed, confirmation, dryRun, type DryRun, type DryRunOptions, tokensPerDay } from './dry-run.js'
import { readFullHistory, type ReadHistory } from './history.js'

interface RollbackRequest extends Required<Origin>, DryRunOptions {
  readonly version: number
  readonly expires_in_seconds?: number
  /** Whether policies are restored, too; absent: false. */
  readonly policies?: boolean
}

type EndRequest = Omit<RollbackRequest, 'version' | 'expires_in_seconds' | 'policies'>

interface Row {
  readonly key: string
  readonly before: number | null
  readonly after: number | null
  /** Name of the predictor whose score the pinned threshold is for; `null`: the raw confidence. */
  readonly scorer: string | null
}

/** Of dry runs: what both thresholds do, by the present evidence. */
type Foreseen = { readonly key: string } & Omit<ReturnType<typeof effectBetween>, `max_em_drop_${'before' | 'after'}`>

/** A policy that is restored; `null`: none is stated. */
interface Restored { readonly key: string, readonly before: PolicyPatch | null, readonly after: PolicyPatch | null }

interface Plan {
  readonly rows: Row[]
  readonly restored: Restored[]
  /** Those that are in force now, and the policies that would be. */
  readonly inputs: SnapshotInputs
  readonly policies: ReadonlyMap<string, PolicyPatch>
}

export type Rollback = ReturnType<typeof createRollback>

export function createRollback (store: Store, readHistory: ReadHistory, snapshotHolder: SnapshotHolder, config: Config) {
  const command = createCommander(store, snapshotHolder)

  /** Plans a pin for every context, and for every key that has or had a pin, and perhaps the policies to restore. */
  async function plan (version: number, withPolicies: boolean): Promise<Plan> {
    const { version: current } = await store.revision()
    if (version > current) throw new FutureVersionError(String(version), String(current))
    const [inputs, pins, keys] = await Promise.all([
      readSnapshotInputs(store, config, Date.now()), store.pins(), readContextKeys(store, config),
    ])
    const before = new Map<string, number | null>()
    const states = new Map<string, PresentThreshold>()
    const read = (keys: Iterable<string>) => forEachChunk(store, config, [...keys], inputs, (loaded, chunk) => {
      for (const key of chunk) before.set(key, thresholdIn(loaded, key))
      for (const [link, state] of loaded.states) {
        const { threshold, epoch_name: epochName } = state
        const [leftEpoch, knownEpoch] = [leftEpochOf(state), knownEpochOf(state)]
        states.set(link, { threshold, scorer: servingOf(state), epochName, leftEpoch, knownEpoch })
      }
    })
    const hasPlace = (key: string) => parseContextKey(config.levels, key) !== null
    await read(new Set([...keys, ...[...pins.keys()].filter(hasPlace)]))
    const past = await readFullHistory(readHistory, store) // read after the states, so that changes in between are undone too
    if (version < past.reach) throw new VersionOutOfReachError(String(past.reach))
    const then = undoSince(version, past, pins)
    await read([...then.pins.keys()].filter((key) => !before.has(key) && hasPlace(key))) // only their pin counts, so reading late is safe
    const { levels, defaultPolicy } = config
    const restored = withPolicies ? restoredBy(then.policies, inputs.policies) : []
    const policies = new Map(inputs.policies)
    for (const { key, after } of restored) if (after === null) policies.delete(key); else policies.set(key, after)
    checkPolicies(config, inputs.policies, policies, restored.map(({ key }) => key))
    const now = { levels, states, predictors: inputs.predictors, defaultPolicy, policies }
    const rows = [...before].map(([key, threshold]) => {
      const { threshold: after, scorer } = pastThreshold(then, now, key)
      return { key, before: threshold, after, scorer }
    })
    return { rows, restored, inputs, policies }
  }

  /** The rows of a dry run: what contexts would have instead of what they have now. */
  async function foresee (keys: Iterable<string>, inputs: SnapshotInputs, then: Partial<SnapshotInputs>): Promise<Map<string, Foreseen>> {
    const found = new Map<string, Foreseen>()
    await forEachChunk(store, config, [...keys], inputs, (loaded, chunk) => {
      for (const key of chunk) {
        const { max_em_drop_before: _, max_em_drop_after: __, ...effect } = effectBetween(loaded, { ...loaded, ...then }, key, Date.now())
        found.set(key, { key, ...effect })
      }
    })
    return found
  }

  return {
    /**
     * Pins every context to the threshold that was in force at a version; a dry run only reports what would change.
     * @throws InvalidPolicyError where a policy to be restored is not allowed any more
     */
    async to ({ version, by, reason, expires_in_seconds: seconds, policies = false, dry_run = false, confirm }: RollbackRequest) {
      let effect!: DryRun<Row> & { readonly policies: Restored[] }
      const planPins = async (): Promise<Command[]> => {
        const { rows, restored, inputs, policies: stated } = await plan(version, policies)
        const expires_at = seconds === undefined ? null : Date.now() + seconds * 1000
        const pins = new Map(rows.map(({ key, after: threshold, scorer }): [string, Pin] => {
          const named = scorer !== null && { scorer, scorer_fingerprint: fingerprintOf(inputs.predictors.get(scorer)!) }
          return [key, { threshold, ...named, reason, by, expires_at, rollback: version }]
        }))
        const foreseen = dry_run ? await foresee(pins.keys(), inputs, { pins, policies: stated }) : null
        const shown = rows.map((row) => ({ ...foreseen?.get(row.key), ...row }))
        effect = { ...dryRun(config.levels, ['rollback', version, restored], shown, ({ before, after }) => before !== after), policies: restored }
        if (!dry_run) checkConfirmed({ ...effect, changing: effect.changing + restored.length }, confirm)
        return [
          ...restored.map(({ key, after: policy }) => ({ type: 'policy' as const, key, policy, by, reason })),
          ...inStep([...pins].map(([key, pin]) => ({ type: 'pin' as const, key, pin, by, reason }))),
        ]
      }
      if (dry_run) await planPins(); else await command(planPins)
      return { version, dry_run, ...effect }
    },

    /** Removes all pins that rollbacks have set; a dry run counts them, and states what that costs or saves. */
    async end ({ dry_run = false, confirm, ...origin }: EndRequest) {
      let effect!: { removed: number, confirm: string }
      const planEnd = async (): Promise<Command[]> => {
        const keys = [...await store.pins()].filter(([, pin]) => pin.rollback !== undefined).map(([key]) => key).sort()
        effect = { removed: keys.length, confirm: confirmation(['end'], keys) }
        if (!dry_run) checkConfirmed({ changing: keys.length, confirm: effect.confirm }, confirm)
        return inStep(keys.map((key) => ({ type: 'pin' as const, key, pin: null, ...origin })))
      }
      if (!dry_run) {
        await command(planEnd)
        return { ...effect, dry_run }
      }
      await planEnd()
      const inputs = await readSnapshotInputs(store, config, Date.now())
      const pins = new Map([...inputs.pins].filter(([, pin]) => pin.rollback === undefined))
      const foreseen = await foresee(await readContextKeys(store, config), inputs, { pins })
      return { ...effect, dry_run, tokens_saved_per_day: tokensPerDay(config.levels, [...foreseen.values()]) }
    },
  }
}

/** The policies that differ from those of then. One that could not be read then stays as it is. */
function restoredBy (then: ReadonlyMap<string, PolicyPatch | null>, now: ReadonlyMap<string, PolicyPatch>): Restored[] {
  const all = [...then].map(([key, after]) => ({ key, before: now.get(key) ?? null, after }))
  const moved = all.filter(({ before, after }) => after !== UNREADABLE_POLICY && !isDeepStrictEqual(before, after))
  return moved.sort((a, b) => a.key < b.key ? -1 : 1)
}
