import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import type { Profile } from '../../src/cli/traces/simulated-generation.js'
import { truthOf, type TruthRow } from '../simulated-truth.js'
import { DRIFT, NO_DRIFT } from '../../src/core/guards/drift.js'
import { DEFAULT_POLICY, type PolicyPatch } from '../../src/core/policy/policy.js'
import { simulatedService } from './service.js'
import { generationsOf, KEY, LEVELS } from './stream.js'

// Raises the risk under a threshold in force and measures how the service reacts, through the real decisions and the real learner
// (service.ts). A certificate stands until the e-detector (Shin, Ramdas & Rinaldo 2022, "E-detectors") raises its alarm, or real stops show
// a breach.

/** A moment counted from the shift on; Infinity if it never came. */
export interface Moment {
  readonly generations: number
  readonly controls: number
  /** Answers lost by stopping until then, as a sum of true chances, so that only the stopping is random. */
  readonly lost: number
}

const NEVER: Moment = { generations: Infinity, controls: Infinity, lost: Infinity }

export interface Shift {
  /** The threshold in force at the shift was tightened or withdrawn, for whatever cause. */
  readonly moved: Moment
  /** The last generation under a threshold that loses more than the bound. */
  readonly safe: Moment
  readonly alarm: Moment
  /** A threshold was certified after the alarm. */
  readonly relearned: Moment
  /** True share of the tokens that the threshold in force saves, just before the shift and at the end. */
  readonly savedBefore: number
  readonly savedAfter: number
}

export interface ShiftOptions {
  readonly before: Profile
  readonly after: Profile
  /** Generations before the shift, learning included, and after it. */
  readonly certified: number
  readonly shifted: number
  readonly policy?: PolicyPatch
}

/** After this many generations without a certificate, all of them control, no threshold is safe any more. */
const HOPELESS = 8000

/** Generations after a new certificate in which its threshold may still move. */
const RELEARNED = 10_000

/** Plays a stream with a shift. @returns `null` if nothing was certified before the shift */
export function runShift ({ before, after, certified, shifted, policy }: ShiftOptions, seed: number): Shift | null {
  const bound = policy?.max_em_drop ?? DEFAULT_POLICY.max_em_drop
  const service = simulatedService(`salt-${seed}`, LEVELS, policy)
  const indexNow = () => service.state(KEY)?.rule.index ?? -1
  let [moved, safe, alarm, relearned] = [NEVER, { generations: 0, controls: 0, lost: 0 }, NEVER, NEVER]
  let [generations, controls, lost, index] = [-certified, 0, 0, -1]
  let [savedBefore, inForce] = [0, 0]
  for (const { run, chance, steps } of generationsOf((i) => i < certified ? before : after, seed, certified + shifted)) {
    if (generations === 0) {
      index = indexNow()
      if (index === -1) return null // nothing was certified, so there is nothing to withdraw
      savedBefore = truthAt(before, index).tokens_saved_ratio
    }
    const isUnsafe = generations >= 0 && truthAt(after, indexNow()).em_drop > bound
    const { arm, stoppedAt } = service.serve(run)
    if (++generations <= 0) continue
    if (arm === 'control') controls++
    if (stoppedAt !== -1) lost += chance - steps[stoppedAt]!.chance
    const now = { generations, controls, lost }
    if (isUnsafe) safe = now
    if (moved === NEVER && indexNow() < index) moved = now
    if (alarm === NEVER && service.changes.at(-1)?.cause === 'drift') alarm = now
    if (alarm !== NEVER && relearned === NEVER && indexNow() !== -1) relearned = now
    if (indexNow() !== -1) inForce = generations
    else if (generations - inForce >= HOPELESS) break
    if (generations >= relearned.generations + RELEARNED) break
  }
  return { moved, safe, alarm, relearned, savedBefore, savedAfter: truthAt(after, indexNow()).tokens_saved_ratio }
}

const truths = new Map<Profile, TruthRow[]>()
const TRUTH_GENERATIONS = 20_000

/** True drop and savings of stopping at a grid index; -1 never stops and loses nothing. */
export function truthAt (profile: Profile, index: number): Pick<TruthRow, 'em_drop' | 'tokens_saved_ratio'> {
  if (index === -1) return { em_drop: 0, tokens_saved_ratio: 0 }
  let truth = truths.get(profile)
  if (truth === undefined) truths.set(profile, truth = truthOf(profile, TRUTH_GENERATIONS, seededRandom(2 ** 52)))
  return truth[index]!
}

/** Whether `outcomes` control outcomes with these rates of losses and gains raise the alarm, under a threshold that stays in force. */
export function isAlarmRaised (random: () => number, lostRate: number, gainedRate: number, outcomes: number): boolean {
  const a = DEFAULT_POLICY.max_em_drop
  let drift = NO_DRIFT
  for (let i = 0; i < outcomes; i++) {
    const u = random()
    drift = DRIFT.watch(drift, u < lostRate ? 1 : u < lostRate + gainedRate ? -1 : 0, a)
    if (DRIFT.isAlarmed(drift)) return true
  }
  return false
}

export interface Watched { readonly isAlarmed: boolean, readonly isInForce: boolean, readonly watched: number }

/** The same through the learner, until `outcomes` generations met a threshold in force; all are control, so each is an outcome. */
export function watchSteadyRisk (profile: Profile, seed: number, outcomes: number): Watched {
  const service = simulatedService(`salt-${seed}`, LEVELS, { control_rate: 1 })
  let watched = 0
  for (const { run } of generationsOf(() => profile, seed, Infinity)) {
    const index = service.state(KEY)?.rule.index ?? -1
    if (index !== -1) watched++
    service.serve(run)
    if (watched === outcomes || (service.state(KEY)?.reports.generations ?? 0) >= 2 * outcomes) break
  }
  return {
    isAlarmed: service.changes.some(({ cause }) => cause === 'drift'),
    isInForce: (service.state(KEY)?.rule.index ?? -1) !== -1,
    watched,
  }
}
