import { type CadenceChoice, cadenceInForce, EXPLORED } from '../contexts/automatic-cadence.js'
import type { ContextState } from '../contexts/context-state.js'
import type { Policy } from '../policy/policy.js'

/**
 * When the generations of a context ask, and why: how far the exploration is, or the choice with the runs and candidates behind it. Times
 * are in ms.
 * @param state of the context that certifies for it; absent: it is new
 */
export function describeCadence (policy: Policy, state: Pick<ContextState, 'auto_cadence'> | undefined) {
  const cadence = state?.auto_cadence
  const { checkEveryTokens: check_every_tokens, checkGrowth: check_growth, checkWindow, isExploring } = cadenceInForce(policy, cadence)
  const isAutomatic = policy.check_every_tokens === 'auto'
  const choice = isAutomatic ? cadence?.choice ?? null : null
  const gathered = isAutomatic && cadence != null ? cadence.exploration : null
  return {
    check_every_tokens,
    check_growth,
    /** At most one check falls into each window of this many tokens; 0: no limit. */
    check_window_tokens: checkWindow,
    source: !isAutomatic ? 'policy' as const : isExploring ? 'exploring' as const : 'chosen' as const,
    /** Control generations that a choice is made by, and those gathered so far; `null`: none are gathered now. */
    explored: gathered === null && !isExploring ? null : { generations: gathered?.costs.generations ?? 0, needed: EXPLORED },
    choice: choice && describeChoice(choice),
  }
}

function describeChoice ({ reason, looked_at, generations, tokens, probe_tokens, candidates }: CadenceChoice) {
  return { reason, looked_at, generations, tokens_mean: tokens, probe_tokens_mean: probe_tokens, candidates }
}
