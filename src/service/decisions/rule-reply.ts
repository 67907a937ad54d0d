import type { ContextRule, ContextWarning } from '../../core/decide/index.js'
import { TOKENS } from '../../core/policy/index.js'

/** The rule in force in a context, as replies have it. */
export interface RuleReply {
  readonly threshold: number | null
  readonly mode: ContextRule['mode']
  readonly scorer?: typeof TOKENS
  readonly check_every_tokens: number
  readonly check_growth: number
  readonly min_tokens: number
  readonly control_share: number
  readonly store_prompts?: true
  readonly warnings: readonly ContextWarning[]
}

/** One object for each rule, since its rendered text is cached by object. */
const replies = new WeakMap<ContextRule, RuleReply>()

export function ruleReply (rule: ContextRule): RuleReply {
  let reply = replies.get(rule)
  if (reply === undefined) {
    const { threshold, mode, checkEveryTokens: check_every_tokens, checkGrowth: check_growth } = rule
    const { minTokens: min_tokens, controlShare: control_share, storePrompts, warnings } = rule
    const score = rule.scorer === TOKENS && { scorer: TOKENS as typeof TOKENS }
    const prompts = storePrompts && { store_prompts: true as const }
    const cadence = { ...score, check_every_tokens, check_growth, min_tokens }
    replies.set(rule, reply = { threshold, mode, ...cadence, control_share, ...prompts, warnings })
  }
  return reply
}
