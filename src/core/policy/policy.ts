import { ROOT } from './context.js'
import { policyKeys } from './pattern.js'

export type Label = 'exact_match' | 'agreement'

/** The terms that an operator sets for a context. */
export interface Policy {
  /** EM that the operator is willing to lose, a fraction (0.02 = 2 points). */
  readonly max_em_drop: number
  /** Bound on the probability that a certificate is wrong. */
  readonly error_level: number
  /** Share of generations that are never stopped; `auto` lowers it as savings and evidence grow. */
  readonly control_rate: number | 'auto'
  /**
   * Part of the tokens that probes of control generations may take while no threshold is in force and learning is not worth its cost; 1:
   * no limit.
   */
  readonly max_probe_overhead: number
  /** The criterion for a right answer. */
  readonly label: Label
  /** Share of the draws that is enrolled, for services that can label only some of the generations. */
  readonly label_rate: number
  readonly mode: 'enforce' | 'shadow' | 'off'
  /** The level of the tree whose contexts are certified as pools, each for all contexts below it; `null`: each leaf for itself. */
  readonly certify_at: string | null
  /** Tokens before which no generation is stopped. */
  readonly min_tokens: number
  /** Least number of tokens between two steps; `auto`: eight times the tokens of a probe (see `check-distance.ts`). */
  readonly check_every_tokens: number | 'auto'
  /** Least distance to the next step, as a part of the tokens so far; 0: the distance stays. */
  readonly check_growth: number
  /** Time in which the outcome and label of an enrolled generation may arrive. */
  readonly follow_up_seconds: number
  /**
   * Time that the evidence of a certificate spans, so that it is not of a few minutes; 0: none, which is right only where the order of
   * the traffic carries no information.
   */
  readonly evidence_span_seconds: number
  /** Time without new evidence after which the threshold is withdrawn. */
  readonly max_evidence_age_seconds: number
  /**
   * Upper limit of the share of real losses that the judge who gives the labels does not call lost, by an audit; `null`: there was none,
   * and verdicts are taken as they are.
   */
  readonly judge_miss_rate: number | null
  /** Lower limit of what a gain called by the judge is worth, by the same audit; 0: judged gains count as ties. */
  readonly judge_gain_share: number
  /** Whether the prompts of generations whose label is wanted are kept for the grader, with their answers. */
  readonly store_prompts: boolean
  /** The score that is compared with the threshold: the raw confidence, the token count, or the output of the predictor with this name. */
  readonly score: string
}

/** Some fields of a policy. */
export function pick<F extends keyof Policy> (policy: Policy, fields: readonly F[]): Pick<Policy, F> {
  return Object.fromEntries(fields.map((field) => [field, policy[field]])) as Pick<Policy, F>
}

/** A policy as stated on one context: absent fields are inherited. */
export type PolicyPatch = { readonly [F in keyof Policy]?: Policy[F] }

/** A JSON merge patch (RFC 7396) of what a context states: `null` removes a field, so that it is inherited. */
export type PolicyMergePatch = { readonly [F in keyof Policy]?: Policy[F] | null }

/** The scores that are no predictors: the raw confidence, and the token count, whose thresholds are thinking budgets. */
export const CONFIDENCE = 'confidence'
export const TOKENS = 'tokens'

/**
 * What a field of the policy affects. Another value of one that is part of the
 *
 * * `meaning` of evidence opens an epoch, since what was counted before proves nothing under it;
 * * `judging` of evidence opens one, too; of a pool, its own are used;
 * * `guarantee` has the present evidence judged again, as a second question to it;
 * * `pace` affects how fast evidence arrives, `pool` whose evidence counts, and `service` what is served or kept: none of them what the
 *   present evidence certifies.
 *
 * A pool and its members agree on the fields of meaning and guarantee.
 */
export type Role = 'meaning' | 'judging' | 'guarantee' | 'pace' | 'pool' | 'service'

/** The role and the default of each field. */
const ROLES_AND_DEFAULTS = {
  max_em_drop: ['guarantee', 0.02],
  error_level: ['guarantee', 0.05],
  control_rate: ['pace', 'auto'],
  max_probe_overhead: ['pace', 0.02],
  label: ['meaning', 'exact_match'],
  label_rate: ['pace', 1],
  mode: ['service', 'enforce'],
  certify_at: ['pool', null],
  min_tokens: ['meaning', 0],
  check_every_tokens: ['meaning', 'auto'],
  check_growth: ['meaning', 0.25],
  follow_up_seconds: ['pace', 1800],
  evidence_span_seconds: ['judging', 1800],
  max_evidence_age_seconds: ['service', 604_800],
  judge_miss_rate: ['judging', null],
  judge_gain_share: ['judging', 0],
  store_prompts: ['service', false],
  score: ['meaning', CONFIDENCE],
} as const satisfies { [F in keyof Policy]: readonly [Role, Policy[F]] }

export const DEFAULT_POLICY: Policy = Object.fromEntries(
  Object.entries(ROLES_AND_DEFAULTS).map(([name, [, value]]) => [name, value])) as Record<keyof Policy, never>

type FieldOf<R extends Role> = { [F in keyof Policy]: typeof ROLES_AND_DEFAULTS[F][0] extends R ? F : never }[keyof Policy]

export function roleOf (field: keyof Policy): Role { return ROLES_AND_DEFAULTS[field][0] }

/** The fields that have one of these roles, in one order. */
export function fieldsOf<R extends Role> (...roles: R[]): ReadonlyArray<FieldOf<R>> {
  const names = Object.keys(ROLES_AND_DEFAULTS) as Array<keyof Policy>
  return names.filter((name): name is FieldOf<R> => roles.some((role) => role === roleOf(name)))
}

/** Replaces a damaged policy: its terms are unknown, so nothing is stopped in its context and below. */
export const UNREADABLE_POLICY: PolicyPatch = { mode: 'off' }

/** Policies in force by the patches of their contexts: ten thousand contexts share a few. */
interface Combined { policy?: Policy, readonly below: WeakMap<PolicyPatch, Combined> }

const byDefaults = new WeakMap<PolicyPatch, Combined>()
const NOTHING_STATED: PolicyPatch = {}

/** The policies that contexts state, by keys, which may be patterns. */
type StatedPolicies = Pick<ReadonlyMap<string, PolicyPatch>, 'get'>

/**
 * The policy in force at `key`: each field comes from the most specific key that states it (`policyKeys`). Mode `off` on the root
 * overrides all others.
 * @param policies whose patches are not changed later
 */
export function effectivePolicy (defaults: PolicyPatch, policies: StatedPolicies, key: string): Policy {
  const stated = statedFor(policies, key).map(([, patch]) => patch)
  let place = combinedIn(byDefaults, defaults)
  for (const patch of stated) place = combinedIn(place.below, patch)
  place.policy ??= Object.freeze(combine(defaults, stated))
  return place.policy
}

/** The policies that apply to a context, from the root's to the most specific, with the keys that state them. */
function statedFor (policies: StatedPolicies, key: string): Array<readonly [key: string, patch: PolicyPatch]> {
  const stated: Array<readonly [string, PolicyPatch]> = []
  for (const source of policyKeys(key)) {
    const patch = policies.get(source)
    if (patch !== undefined || source === ROOT) stated.push([source, patch ?? NOTHING_STATED])
  }
  return stated
}

/** The key that states each field in force at `key`; `null`: none does, so that the service's default is in force. */
export function policySources (policies: StatedPolicies, key: string): Record<keyof Policy, string | null> {
  const stated = statedFor(policies, key)
  const sources = Object.fromEntries(Object.keys(DEFAULT_POLICY).map((field) => [field, null])) as Record<keyof Policy, string | null>
  for (const [source, patch] of stated) for (const field in patch) sources[field as keyof Policy] = source
  const off = stated.find(([source, patch]) => patch === UNREADABLE_POLICY || (source === ROOT && patch.mode === 'off'))
  return off === undefined ? sources : { ...sources, mode: off[0] }
}

function combinedIn (places: WeakMap<PolicyPatch, Combined>, patch: PolicyPatch): Combined {
  let place = places.get(patch)
  if (place === undefined) places.set(patch, place = { below: new WeakMap() })
  return place
}

function combine (defaults: PolicyPatch, stated: readonly PolicyPatch[]): Policy {
  const isOff = stated[0]!.mode === 'off' || stated.includes(UNREADABLE_POLICY)
  return Object.assign({}, DEFAULT_POLICY, defaults, ...stated, isOff ? { mode: 'off' } : undefined)
}

/** The fields that a context states after a merge patch; `null`: none. */
export function patchedPolicy (stated: PolicyPatch, patch: PolicyMergePatch): PolicyPatch | null {
  const fields = Object.entries({ ...stated, ...patch }).filter(([field, value]) => value !== null || !Object.hasOwn(patch, field))
  return fields.length === 0 ? null : Object.fromEntries(fields)
}

/** When a worker asks for decisions: tokens, and the least distance to the next check as a part of the tokens so far. */
export interface Cadence {
  readonly checkEveryTokens: number
  readonly checkGrowth: number
  readonly minTokens: number
  /** The only token counts with a check, ascending, instead of the distances. */
  readonly checkCounts?: readonly number[] | undefined
}

/** Keeps a product such as 320 * 1.1 from being rounded up past the multiple that it is. */
const SLACK = 1e-9

/**
 * The next multiple of `checkEveryTokens` above `tokens`, at least `checkGrowth` times the tokens later, and not below `minTokens`. It is
 * the same in both arms, and a step that comes late moves no later check. Infinity: there is no further check.
 */
export function nextCheckTokens (cadence: Cadence, tokens: number): number {
  const { checkEveryTokens: every, checkGrowth: growth, minTokens, checkCounts: counts } = cadence
  if (counts !== undefined) return counts.find((count) => count > tokens && count >= minTokens) ?? Infinity
  const grown = growth === 0 ? 0 : Math.ceil(tokens * (1 + growth) / every - SLACK) * every
  return Math.max((Math.floor(tokens / every) + 1) * every, grown, Math.ceil(minTokens / every) * every)
}

const FIELDS_OF_GUARANTEE = fieldsOf('guarantee')

/** The guarantee that a policy asks for. */
export type CertificationTerms = Pick<Policy, typeof FIELDS_OF_GUARANTEE[number]>

const cache = new WeakMap<Policy, CertificationTerms>()

/** Returns one object for each policy, since ten thousand states hold it. */
export function certificationTerms (policy: Policy): CertificationTerms {
  let terms = cache.get(policy)
  if (terms === undefined) {
    terms = pick(policy, FIELDS_OF_GUARANTEE)
    cache.set(policy, terms)
  }
  return terms
}

/** Whether two sets of terms are equal; `undefined` means that nothing has been judged yet. */
export function haveSameTerms (a: CertificationTerms | undefined, b: CertificationTerms | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && FIELDS_OF_GUARANTEE.every((field) => a[field] === b[field]))
}
