import { isDeepStrictEqual } from 'node:util'
import type { Command, Origin, PinWarning, SnapshotInputs } from '../../core/learn/index.js'
import {
  boundProblem, certifyingKey, depthOf, effectivePolicy, haveCommonContexts, isCertifying, isOpen, isPattern, isWithin, memberProblem,
  patchedPolicy, patternsIn, type Pin, type Policy, policyKeys, type PolicyMergePatch, type PolicyPatch, policySources, poolProblem,
  ROOT, TOKENS, UNREADABLE_POLICY, withPatterns,
} from '../../core/policy/index.js'
import { fingerprintOf, type Predictor, scoreOfPolicy, usablePin } from '../../core/scores/index.js'
import { type CommandEffect, commandEffects } from '../../core/reports/index.js'
import {
  at, ContextNotFoundError, InvalidPolicyError, TooManyError, TooManyInPrefixError, TooManyPatternsError, UnreadablePolicyError,
} from '../../errors/errors.js'
import type { AuditRow, Revision, Store } from '../../store/store.js'
import type { Config } from '../config/config.js'
import { createCommander } from '../learner/commander.js'
import { LayeredMap } from '../snapshot/layered-map.js'
import { readSnapshotInputs } from '../snapshot/load-snapshot.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import { checkKey, checkKnown, checkPolicyKey, forEachChunk, readContextKeys, SEE_LIST } from './context-reader.js'
import { checkConfirmed, dryRun, type DryRun, type DryRunOptions } from './dry-run.js'

/** The effect that a command would have. */
export interface CommandDryRun extends DryRun<CommandEffect> { readonly dry_run: true }

/** Part of the limit on policies, and on pins, that a token has which is bound to a prefix. */
const PREFIX_SHARE = 0.25

interface Bound {
  /** Prefix that the caller is bound to; `null`: not bound. */
  readonly prefix: string | null
}
interface Creating {
  /** Whether the context may be unknown; absent: false. */
  readonly create?: boolean
}
interface PolicyRequest extends Origin, DryRunOptions, Bound, Creating {}
interface CommandRequest extends Required<Origin>, DryRunOptions {}
interface PinCommandRequest extends CommandRequest, Bound, Creating {}

/** A pin as an operator states it; without `expires_in_seconds` it stays until it is removed. */
interface PinRequest { readonly threshold: number | null, readonly expires_in_seconds?: number }

/** Computes the policy that a context states next from the one it states now. */
type NextPolicy = (stated: PolicyPatch | undefined) => PolicyPatch | null

export type ContextCommands = ReturnType<typeof createContextCommands>

/** Policies, pins and resets. Each command is in force on this replica when its promise resolves. */
export function createContextCommands (store: Store, snapshotHolder: SnapshotHolder, config: Config) {
  const command = createCommander(store, snapshotHolder)

  /** The policy that a context states, and the one in force there. */
  function viewOf (policies: StatedPolicies, key: string) {
    const effective = effectivePolicy(config.defaultPolicy, policies, key)
    return { key, policy: policies.get(key) ?? {}, effective, sources: policySources(policies, key) }
  }

  /** The stated policies and pins: those of the snapshot if it has the newest, since reading all takes the longer the more there are. */
  async function stated ({ stateId, policyVersion }: Revision): Promise<Pick<SnapshotInputs, 'policies' | 'pins'>> {
    const { snapshot, inputs, policyVersion: loaded } = snapshotHolder.loaded()
    if (snapshot.stateId === stateId && loaded === policyVersion) return inputs
    const [policies, pins] = await Promise.all([store.policies(), store.pins()])
    return { policies, pins }
  }

  /** Finds the effect of a command, from the store. */
  async function foresee (command: Command): Promise<DryRun<CommandEffect>> {
    const inputs = await readSnapshotInputs(store, config, Date.now())
    const keys = (await readContextKeys(store, config)).filter((other) => isWithin(other, command.key))
    const effects: CommandEffect[] = []
    await forEachChunk(store, config, keys, inputs, (loaded, chunk) => {
      effects.push(...commandEffects(loaded, command, chunk.filter((within) => loaded.states.has(within)), Date.now()))
    })
    return dryRun(config.levels, identityOf(command), effects)
  }

  /**
   * Gives a command, or returns the effect that it would have.
   * @param plan checks the command against the store, and returns it
   * @param isHarmless whether the planned command needs no confirmation even at the root
   */
  async function give (
    plan: (revision: Revision) => Promise<Command>, { dry_run = false, confirm }: DryRunOptions, isHarmless = () => false
  ): Promise<CommandDryRun | null> {
    if (dry_run) return { dry_run: true, ...await foresee(await plan(await store.revision())) }
    await command(async (revision) => {
      const planned = await plan(revision)
      if (planned.key === ROOT && !isHarmless()) checkConfirmed(await foresee(planned), confirm)
      return [planned]
    })
    return null
  }

  /** @param isHarmless whether it needs no confirmation even at the root */
  async function change (
    key: string, requested: PolicyMergePatch | null, next: NextPolicy, request: PolicyRequest, isHarmless = false
  ) {
    const { dry_run, confirm, prefix, create = false, ...origin } = request
    checkPolicyKey(config, key)
    let view: ReturnType<typeof viewOf>
    const tried = await give(async (revision) => {
      const { policies, pins } = await stated(revision)
      if (requested !== null && !create) await checkKnown(store, config, key, { policies, pins, prefix })
      const policy = next(policies.get(key))
      isHarmless ||= isPause(policies.get(key), policy)
      if (policy !== null) {
        checkRoom(config, policies, key, { prefix, next: policy, isStop: isOff })
        checkPatterns(config, policies, key, prefix)
      }
      view = viewOf(checkedPolicies(config, policies, key, policy), key)
      if (requested?.score != null || requested?.label != null) checkScore(view.effective)
      return { type: 'policy', key, policy, ...origin }
    }, { dry_run, confirm }, () => isHarmless)
    return { ...view!, ...tried }
  }

  /** A policy must not name a predictor that could score nothing. @throws InvalidPolicyError */
  function checkScore (policy: Policy): void {
    const { predictors } = snapshotHolder.loaded().inputs
    if (scoreOfPolicy(policy, config.levels, predictors) !== undefined) return
    throw at('/score', new InvalidPolicyError(`score names no predictor that is live and for label "${policy.label}": ` +
      'GET /v1/predictors lists them, and "confidence" needs none'))
  }

  return {
    async policy (key: string) {
      checkPolicyKey(config, key)
      return viewOf(await store.policies(policyKeys(key)), key)
    },

    /** Replaces the policy that the context states; `null` removes it. */
    setPolicy: (key: string, policy: PolicyPatch | null, request: PolicyRequest) => change(key, policy, () => policy, request),

    /** Changes fields of the policy that the context states, and keeps the others. */
    patchPolicy: (key: string, patch: PolicyMergePatch, request: PolicyRequest) => change(key, patch, (stated = {}) => {
      if (stated === UNREADABLE_POLICY) throw new UnreadablePolicyError(key)
      return patchedPolicy(stated, patch)
    }, request),

    /** Sets the mode of the root to `off`, or back to what it was before; for the pause, which needs no confirmation. */
    async pause (isOn: boolean, origin: Origin) {
      const present = (await store.policies([ROOT])).get(ROOT)
      if (isOn === (present?.mode === 'off')) return await snapshotHolder.refresh() // another replica was faster
      if (present === UNREADABLE_POLICY) throw new UnreadablePolicyError(ROOT)
      const mode = isOn ? 'off' : modeBefore(await findPause(store))
      const next = (stated: PolicyPatch = {}) => patchedPolicy(stated, { mode })
      await change(ROOT, null, next, { ...origin, prefix: null }, true)
    },

    /** Replaces the pin of the context, and returns where it applies. */
    async setPin (key: string, request: PinRequest, { dry_run, confirm, prefix, create = false, ...origin }: PinCommandRequest) {
      checkKey(config, key)
      await snapshotHolder.refresh() // before, since a pin that is in force must not be answered with an error
      const { inputs, links } = snapshotHolder.loaded()
      const keys = [...links.values()].flatMap((link) => link.epochName === null ? [] : [link.key])
      const tried = await give(async (revision) => {
        const { policies, pins } = await stated(revision)
        if (!create) await checkKnown(store, config, key, { policies, pins, prefix })
        const { score } = effectivePolicy(config.defaultPolicy, policies, key)
        if (score !== TOKENS && request.threshold !== null && request.threshold > 1) throw at('/threshold', new InvalidPolicyError(ABOVE_ONE))
        const pin = pinOf(request, origin, score === TOKENS ? score : inputs.predictors.get(score))
        checkRoom(config, pins, key, { prefix, next: pin, isStop: neverStops })
        return { type: 'pin', key, pin, ...origin }
      }, { dry_run, confirm })
      return { key, ...pinReach(inputs, keys, key), ...tried }
    },

    async removePin (key: string, { dry_run, confirm, ...origin }: CommandRequest) {
      checkKey(config, key)
      return await give(async () => ({ type: 'pin', key, pin: null, ...origin }), { dry_run, confirm })
    },

    /** Starts a new epoch in the context and in all below it. */
    async reset (key: string, { dry_run, confirm, ...origin }: CommandRequest) {
      checkKey(config, key)
      return await give(async () => {
        if ((await store.readContexts([key])).size === 0) throw new ContextNotFoundError(key, SEE_LIST)
        return { type: 'reset', key, ...origin }
      }, { dry_run, confirm })
    },
  }
}

/** The fields by which two commands differ in their effect: not their author, reason or expiry. */
function identityOf (command: Command): unknown[] {
  const { type, key } = command
  switch (command.type) {
    case 'policy': return [type, key, command.policy]
    case 'pin': return [type, key, command.pin && { threshold: command.pin.threshold }]
    case 'reset': return [type, key]
  }
}

const ABOVE_ONE = 'threshold must be at most 1, since the score of the context is no count of tokens: send a threshold from 0 to 1'

/** @param scorer of the context; `undefined`: the raw confidence is the score */
function pinOf (
  { threshold, expires_in_seconds: seconds }: PinRequest, { by, reason }: Required<Origin>, scorer: Predictor | typeof TOKENS | undefined
): Pin {
  const ofPredictor = (used: Predictor) => ({ scorer: used.name, scorer_fingerprint: fingerprintOf(used) })
  const score = scorer === undefined ? {} : scorer === TOKENS ? { scorer } : ofPredictor(scorer)
  return { threshold, ...score, reason, by, expires_at: seconds === undefined ? null : Date.now() + seconds * 1000 }
}

/** Whether a change only sets the mode to `off`. A PUT that drops another field has to be confirmed like any other change. */
function isPause (stated: PolicyPatch = {}, next: PolicyPatch | null): boolean {
  return stated !== UNREADABLE_POLICY && next?.mode === 'off' && isDeepStrictEqual({ ...stated, mode: 'off' }, { ...next })
}

/** Rows of the audit trail that are read at a time. */
const AUDIT_PAGE = 500

/** The last command that paused stopping, by setting the mode of the root to `off`; `null`: the audit trail no longer has it. */
export async function findPause (store: Pick<Store, 'audit'>): Promise<AuditRow & { readonly command: Command } | null> {
  const isFound = (row: AuditRow): row is AuditRow & { readonly command: Command } => row.command.type === 'policy' &&
    row.command.key === ROOT && row.command.policy?.mode === 'off' && (row.replaced as PolicyPatch | null)?.mode !== 'off'
  let before: string | undefined
  for (;;) {
    const rows = await store.audit(AUDIT_PAGE, before)
    const found = rows.find(isFound)
    if (found !== undefined || rows.length < AUDIT_PAGE) return found ?? null
    before = rows.at(-1)!.id
  }
}

/** The mode that the root stated before stopping was paused; `null`: none. */
function modeBefore (pause: AuditRow | null): Policy['mode'] | null {
  return (pause?.replaced as PolicyPatch | null | undefined)?.mode ?? null
}

/** An unreadable policy keeps its place, so that it can be replaced. */
const isOff = (policy: PolicyPatch): boolean => policy !== UNREADABLE_POLICY && policy.mode === 'off'
const neverStops = ({ threshold }: Pick<Pin, 'threshold'>): boolean => threshold === null

interface Room<T> extends Bound {
  /** The row that the key gets. */
  readonly next: T
  /** Whether a row only stops less. */
  readonly isStop: (row: T) => boolean
}

/**
 * Policies and pins are limited to as many as contexts, and those of a token that is bound to a prefix to a share of that, so that one
 * tenant cannot use up the table. What stops less is never refused for want of room, and takes none from others: an entry at the root or at
 * the prefix, mode `off`, and a pin that never stops. Only a bound token has a limit for the latter two.
 * @throws TooManyError, TooManyInPrefixError
 */
export function checkRoom<T> (
  { maxContexts }: Pick<Config, 'maxContexts'>, table: ReadonlyMap<string, T>, key: string, { prefix, next, isStop }: Room<T>
): void {
  const present = table.get(key)
  const isStopNext = isStop(next)
  const takesNone = present !== undefined && (isStopNext || !isStop(present)) // otherwise an admitted stop would take a place
  if (takesNone || key === ROOT || key === prefix) return
  const limit = isStopNext || prefix === null ? maxContexts : Math.max(1, Math.floor(maxContexts * PREFIX_SHARE))
  if (table.size < limit || (isStopNext && prefix === null)) return // most often; counting takes longer
  let all = 0
  let within = 0
  for (const [other, row] of table) {
    if (isStop(row) !== isStopNext) continue
    all++
    if (prefix !== null && isWithin(other, prefix)) within++
  }
  if (!isStopNext && all >= maxContexts) throw new TooManyError(String(maxContexts))
  if (prefix !== null && within >= limit) throw new TooManyInPrefixError(String(within), prefix)
}

/** Combinations of values that patterns may distinguish: a snapshot holds them below each context that has others below it. */
const MAX_COMBINATIONS = 128

/**
 * Limits what patterns add to a snapshot: those for any value of the first level, and those for each value of it beside these. A token that
 * is bound to a prefix has a share of it, and takes none from others.
 * @throws TooManyPatternsError
 */
export function checkPatterns ({ levels }: Pick<Config, 'levels'>, policies: StatedPolicies, key: string, prefix: string | null): void {
  if (!isPattern(key) || policies.has(key)) return
  const limit = prefix === null ? MAX_COMBINATIONS : MAX_COMBINATIONS * PREFIX_SHARE
  const first = (pattern: string) => pattern.split(',', 1)[0]!
  const patterns = patternsIn(levels, policies.keys())
  const forAll = patterns.filter((other) => isOpen(first(other)))
  const own = isOpen(first(key)) ? [] : patterns.filter((other) => first(other) === first(key))
  const most = limit + (isOpen(first(key)) ? 1 : withPatterns([ROOT], forAll).size) // with the root
  if (withPatterns([ROOT], [...forAll, ...own, key], most).size > most) throw new TooManyPatternsError(String(limit))
}

/** Policies by the keys that state them. */
type StatedPolicies = ReadonlyMap<string, PolicyPatch>

/**
 * The policies after one is set, or removed by `null`, checked in its context and in all below.
 * @throws InvalidPolicyError
 */
export function checkedPolicies (
  config: Config, stated: StatedPolicies, key: string, policy: PolicyPatch | null): StatedPolicies {
  const policies = new LayeredMap(stated)
  if (policy === null) policies.delete(key); else policies.set(key, policy)
  checkPolicies(config, stated, policies, [key])
  return policies
}

/**
 * Checks policies in the contexts where they change, and in all below.
 * @throws InvalidPolicyError
 */
function checkPolicies (config: Config, before: StatedPolicies, after: StatedPolicies, changed: readonly string[]): void {
  for (const key of changed) {
    const policy = after.get(key)
    const isNewBound = policy !== undefined && policy.max_em_drop !== before.get(key)?.max_em_drop
    const excess = isNewBound ? boundProblem(policy, config.maxEmDropLimit) : null
    if (excess !== null) throw at(excess.path, new InvalidPolicyError(`${excess.path.slice(1)} ${excess.message}`))
  }
  const policyAt = (at: string) => effectivePolicy(config.defaultPolicy, after, at)
  for (const link of new Set(changed.flatMap((key) => withinPolicies(config, after, key)))) {
    const own = policyAt(link)
    const problem = poolProblem(own, config.levels) ?? memberProblem(policyAt, config.levels, link)
    if (problem === null) continue
    const field = problem.path.slice(1)
    const source = policySources(after, link)[field as keyof Policy]
    const stated = source !== null && source !== link && isPattern(source) ? ` (stated by ${source})` : ''
    throw at(problem.path, new InvalidPolicyError(`in context ${link}, ${field}${stated} ${problem.message}`))
  }
}

/** Keys at and below one that have the policies of all contexts there, also of those that are not known yet. */
function withinPolicies ({ levels }: Config, stated: StatedPolicies, key: string): string[] {
  if (depthOf(key) === levels.length && !isPattern(key)) return [key]
  const touching = [...stated.keys()].filter((other) => haveCommonContexts(other, key))
  return [...withPatterns([ROOT, key, ...touching], patternsIn(levels, [key, ...touching]))].filter((other) => isWithin(other, key))
}

/** Where a pin holds. */
interface PinReach {
  /** Contexts without children that have outcomes and whose threshold the pin sets. */
  readonly pinned_contexts: number
  readonly warnings?: readonly PinWarning[]
}

/** Finds out where a pin at a key holds. @param keys of the contexts with outcomes, and of those above them */
export function pinReach (
  { levels, defaultPolicy, policies, pins, predictors }: SnapshotInputs, keys: readonly string[], key: string): PinReach {
  const isPinned = (leaf: string) => leaf === key ||
    (usablePin(predictors, pins.get(leaf)) === undefined &&
      certifyingKey(levels, effectivePolicy(defaultPolicy, policies, leaf).certify_at, leaf) === key)
  const leaves = keys.filter((other) => depthOf(other) === levels.length && isWithin(other, key))
  const pinned = leaves.filter(isPinned).length
  const isPool = isCertifying(levels, effectivePolicy(defaultPolicy, policies, key).certify_at, key)
  const warnings: PinWarning[] = []
  if (pinned === 0 && depthOf(key) < levels.length && !(isPool && leaves.length === 0)) warnings.push('pin_without_effect')
  return { pinned_contexts: pinned, ...(warnings.length > 0 && { warnings }) }
}
