import { setImmediate } from 'node:timers/promises'
import { changeToWire, guaranteeToWire, isoTime, poolToWire, withIsoTime } from '../../../openapi/wire.js'
import { checkEveryTokens, type ContextState, linkOf, type LoadedContexts, neverLabelled, openEpoch, scoredEvidence } from '../../core/learn/index.js'
import { CONFIDENCE, depthOf, effectivePolicy, isCertifying, isWithin, poolProblem, ROOT } from '../../core/policy/index.js'
import {
  adviseOnLabels, type AnswerableFields, cadenceProblem, comparedPerDay, type ContextRow, type ContextView, describeContext,
  describeThresholds, recordedCadence, type Status, whatIf,
} from '../../core/reports/index.js'
import { at, ContextNotFoundError, InvalidPolicyError } from '../../errors/errors.js'
import { AUDIT_LIMIT } from '../../store/log.js'
import type { Store } from '../../store/store.js'
import type { Config } from '../config/config.js'
import { checkKey, readContextKeys, readContexts, SEE_LIST } from './context-reader.js'
import { historyOf, type ModeMove, modesOf, type ReadHistory } from './history.js'
import { readTradeoff } from './read-tradeoff.js'
import type { FleetScan } from './scan-fleet.js'
import { readNewestTexts } from './wanted-labels.js'

interface ContextFilter { readonly prefix?: string, readonly status?: Status, readonly limit: number, readonly after?: string }

export type Contexts = ReturnType<typeof createContexts>

/** Contexts read from the store at a time while a page is filled, and those that are described in one turn of the event loop. */
const CHUNK = 200
const DESCRIBED = 5

/** Generations whose texts show which grader fits. */
const ADVISED_BY = 32

/** Readers of contexts for operators, straight from the store. @param scan reads all contexts, to find the members of a pool */
export function createContexts (store: Store, readHistory: ReadHistory, config: Config, scan: () => Promise<FleetScan>) {
  /** @throws InvalidKeyError, ContextNotFoundError */
  async function load (key: string): Promise<{ loaded: LoadedContexts, state: ContextState }> {
    checkKey(config, key)
    const loaded = await readContexts(store, config, [key])
    const state = loaded.states.get(key) ?? unseenPool(loaded, key)
    if (state === undefined) throw new ContextNotFoundError(key, SEE_LIST)
    return { loaded: { ...loaded, states: new Map(loaded.states).set(key, state) }, state }
  }

  return {
    async list ({ prefix = ROOT, status, limit, after = '' }: ContextFilter) {
      checkKey(config, prefix, '/prefix')
      const keys = (await readContextKeys(store, config)).filter((key) => key > after && isWithin(key, prefix)).sort()
      const contexts: Array<ReturnType<typeof onWire>> = []
      for (let i = 0; i < keys.length; i += CHUNK) {
        const chunk = keys.slice(i, i + CHUNK)
        const loaded = await readContexts(store, config, chunk)
        for (const [i, key] of chunk.entries()) {
          if (i % DESCRIBED === 0) await setImmediate() // decisions come first
          if (!loaded.states.has(key)) continue
          const view = describeContext(loaded, key)
          if (status !== undefined && view.status !== status) continue
          if (contexts.length === limit) return { contexts, next: contexts.at(-1)!.key }
          contexts.push(onWire(view))
        }
      }
      return { contexts, next: null }
    },

    async get (key: string) {
      const { loaded, state } = await load(key)
      const { policy } = linkOf(loaded, key, state)
      const isPool = depthOf(key) < loaded.levels.length && isCertifying(loaded.levels, policy.certify_at, key)
      const members = isPool ? membersOf(await scan(), key) : null
      const view = describeContext(loaded, key)
      const isUnlabelled = view.generations.control_share !== null && neverLabelled(state, policy)
      const texts = isUnlabelled ? await readNewestTexts(store, view.pool?.key ?? key, ADVISED_BY) : null
      return {
        ...onWire(view),
        thresholds: describeThresholds(scoredEvidence(state, policy, loaded.predictors), policy),
        members,
        label_advice: texts === null ? null : adviseOnLabels(key, state, texts),
      }
    },

    /** Certifies from the present evidence under other terms; absent terms stay as they are. */
    async whatIf (key: string, terms: Partial<AnswerableFields>) {
      const { loaded, state } = await load(key)
      const inForce = effectivePolicy(loaded.defaultPolicy, loaded.policies, key)
      const policy = { ...inForce, ...terms }
      const problem = poolProblem(policy, loaded.levels)
      if (problem !== null) throw at(problem.path, new InvalidPolicyError(`${problem.path.slice(1)} ${problem.message}`))
      const perDay = (answer: ReturnType<typeof whatIf>) => ({ key, ...answer, ...comparedPerDay(loaded, key, answer, Date.now()) })
      if (terms.check_every_tokens === undefined && terms.check_growth === undefined) {
        return perDay(whatIf(state, policy, loaded.levels, loaded.predictors))
      }
      if (policy.score !== CONFIDENCE) throw at('/check_every_tokens', new InvalidPolicyError(NOT_KEPT))
      const stated = { ...policy, check_every_tokens: checkEveryTokens(policy, state.probes.distance) }
      const unknown = cadenceProblem(recordedCadence(state), stated)
      if (unknown !== null) throw at(unknown.path, new InvalidPolicyError(`${unknown.path.slice(1)} ${unknown.message}`))
      return perDay(whatIf(state, stated, loaded.levels, loaded.predictors, await store.readTraces(key)))
    },

    /** A page of a context's own changes, and all changes of the mode in force for it, newest first. @throws InvalidKeyError */
    async history (key: string, { limit = 100, before, tokenPrefix }: { limit?: number, before?: string, tokenPrefix: string | null }) {
      checkKey(config, key)
      const [{ policies }, { changes, next }, commands] = await Promise.all([
        readContexts(store, config, []), historyOf(readHistory, key, limit, before), store.audit(AUDIT_LIMIT),
      ])
      const isForeign = (move: ModeMove) => tokenPrefix !== null && !isWithin(move.key, tokenPrefix)
      const anonymous = ({ by: _, reason: __, ...move }: ModeMove) => move
      const modes = modesOf(key, config.defaultPolicy, policies, commands).map((move) => isForeign(move) ? anonymous(move) : move)
      return { changes: changes.map(changeToWire), next, modes: modes.map(withIsoTime) }
    },

    async tradeoff (key: string) { return await readTradeoff(readHistory, await load(key), key) },
  }
}

const NOT_KEPT = 'check_every_tokens and check_growth cannot be answered where a predictor is the score: of kept generations only the confidence is known'

/** The state of a pool before its first outcome, where a policy of its own makes the context one; other contexts have none. */
function unseenPool ({ levels, defaultPolicy, policies, predictors }: LoadedContexts, key: string): ContextState | undefined {
  const policy = effectivePolicy(defaultPolicy, policies, key)
  const isPool = policies.has(key) && depthOf(key) < levels.length && isCertifying(levels, policy.certify_at, key)
  return isPool ? openEpoch(undefined, { cause: 'first_enrolment', policy, levels, time: Date.now(), name: '', predictors }) : undefined
}

/** Times as replies have them, ISO 8601. */
function onWire (view: ContextView) {
  const { pin, fidelity } = view
  const timeOf = (ms: number | null) => ms === null ? null : isoTime(ms)
  return {
    ...view,
    pin: pin && { ...pin, expires_at: timeOf(pin.expires_at) },
    pool: poolToWire(view.pool),
    guarantee: guaranteeToWire(view.guarantee),
    fidelity: { ...fidelity, held_until: timeOf(fidelity.held_until) },
    updated_at: isoTime(view.updated_at),
  }
}

/** Members that are listed. */
const LISTED = 20

const SHOWN = ['key', 'threshold', 'em_drop', 'em_drop_low', 'em_drop_high', 'tokens_saved_ratio'] as const

/** Each pool member's own evidence, those that lost most answers beyond the bound first: a few generations say little. */
export function membersOf ({ rows }: Pick<FleetScan, 'rows'>, pool: string) {
  const members = rows.filter((row) => row.pool?.key === pool)
  const worst = [...members].sort((a, b) => answersBeyond(b) - answersBeyond(a) || (a.key < b.key ? -1 : 1)).slice(0, LISTED)
  return {
    total: members.length,
    /** Members whose own EM drop is beyond the bound by estimate, those that have left the pool, and new ones. */
    over_bound: members.filter(isOverBound).length,
    left: members.filter((row) => row.pool?.left_at != null).length,
    new: members.filter((row) => row.pool?.first_generations_left != null).length,
    worst: worst.map((row) => ({
      ...Object.fromEntries(SHOWN.map((field) => [field, row[field]])) as Pick<ContextRow, typeof SHOWN[number]>,
      control_generations: row.control_generations ?? 0,
      over_bound: isOverBound(row),
      left_at: poolToWire(row.pool)?.left_at ?? null,
    })),
  }
}

function isOverBound ({ em_drop: drop, max_em_drop: bound }: ContextRow): boolean { return drop !== null && drop > bound }

/** Answers that its control generations lost beyond what the bound allows; those that have shown nothing come last. */
function answersBeyond ({ em_drop: drop, max_em_drop: bound, control_generations: generations }: ContextRow): number {
  return drop === null ? -Number.MAX_VALUE : (drop - bound) * (generations ?? 0)
}
