import { ContextCounts } from '../learn/context-counts.js'
import { linksOf, type LoadedContexts } from '../learn/chain-link.js'
import { certifyingDepthOf, type EffectiveThreshold, effectiveThreshold } from '../learn/effective-threshold.js'
import { Cohort } from '../evidence/cohort.js'
import { Cohorts } from '../evidence/cohorts.js'
import { ENROLMENT_TIMES } from '../evidence/enrolment-list.js'
import { spanOf } from '../evidence/evidence-span.js'
import { Traffic } from '../evidence/traffic.js'
import { isPostHoc } from '../stats/error-budget.js'
import { DAY, generationsPerDay } from '../stats/savings.js'
import { isCertifying } from '../policy/context.js'
import { effectivePolicy } from '../policy/policy.js'
import { refTo } from '../scores/predictor-version.js'
import { Reservoir } from '../scores/reservoir.js'
import { applyPin } from '../learn/apply-pin.js'
import { applyPolicy } from '../learn/apply-policy.js'
import { applyReset } from '../learn/apply-reset.js'
import { type Fold, foldedStates } from '../learn/fold.js'
import { newLedger } from '../learn/ledger.js'
import type { Command } from '../learn/log-entry.js'
import { PendingOutcomes } from '../learn/pending-outcomes.js'
import { statusInForce } from './context-facts.js'
import { figuresOf, netTokensPerDay } from './tokens-per-day.js'

export type CommandEffect = ReturnType<typeof commandEffects>[number]

/**
 * The effect of a command on contexts: a dry run of the learner's fold with the command as its only entry. `before` and `after` are
 * effective thresholds.
 * @param loaded must hold the contexts
 * @param keys contexts to describe, all within the key of the command
 */
export function commandEffects (loaded: LoadedContexts, command: Command, keys: readonly string[], now: number) {
  const fold = foldOf(loaded, now)
  apply(fold, command, now)
  const then = loadedOf(fold, loaded)
  const inForceAfter = new Map(keys.map((key) => [key, inForceAt(then, key).threshold]))
  const isGone = (key: string) => {
    const { threshold } = inForceAt(loaded, key)
    return threshold !== null && threshold !== inForceAfter.get(key)
  }
  const undone = keys.some(isGone) ? loadedOf(undo(fold, loaded, command, now), loaded) : then
  return keys.map((key) => {
    const chain = linksOf(then, key)
    const own = chain.at(-1)!
    const state = then.states.get(key)!
    return {
      key,
      ...effectBetween(loaded, then, key, now),
      status_after: statusInForce(then, chain, inForceAt(then, key)),
      /** Whether its evidence would start again from zero. */
      new_epoch: state.epoch.number !== loaded.states.get(key)!.epoch.number,
      /** Whether the guarantee would count as requested after looking at the evidence, which raises the bar thirtyfold. */
      post_hoc: isPostHoc(state.epoch, own.policy),
      /** Whether undoing the command at once would bring back the threshold that it withdraws. */
      undo_restores: !isGone(key) || inForceAt(undone, key).threshold === inForceAt(loaded, key).threshold,
    }
  })
}

function apply (fold: Fold, command: Command, now: number): void {
  switch (command.type) {
    case 'policy': applyPolicy(fold, now, command.key, command.policy, command); break
    case 'pin': applyPin(fold, now, command.key, command.pin, command); break
    case 'reset': applyReset(fold, now, command)
  }
}

/** The contexts as a fold has them. The tables are copied, since the fold goes on with its own. */
function loadedOf (fold: Fold, loaded: LoadedContexts): LoadedContexts {
  const { ledger: { policies, pins } } = fold
  const states = new Map([...loaded.states.keys()].map((key) => [key, fold.get(key)!]))
  return { ...loaded, policies: new Map(policies), pins: new Map(pins), states }
}

/** Puts back the policy or the pin that a command replaced; nothing undoes a reset. */
function undo (fold: Fold, { policies, pins }: LoadedContexts, command: Command, now: number): Fold {
  if (command.type === 'policy') apply(fold, { ...command, policy: policies.get(command.key) ?? null }, now)
  if (command.type === 'pin') apply(fold, { ...command, pin: pins.get(command.key) ?? null }, now)
  return fold
}

/** The threshold that would be in force in a context, the present one, and the effects of both by the present evidence. */
function effectBetween (present: LoadedContexts, then: LoadedContexts, key: string, now: number) {
  const [before, after] = [sideOf(present, present, key, now), sideOf(present, then, key, now)]
  return {
    before: before.threshold,
    after: after.threshold,
    /** In `off` and `shadow` no generation is stopped, whatever the threshold. */
    mode_before: before.mode,
    mode_after: after.mode,
    max_em_drop_before: before.max_em_drop,
    max_em_drop_after: after.max_em_drop,
    em_drop_before: before.em_drop,
    em_drop_after: after.em_drop,
    tokens_saved_ratio_before: before.tokens_saved_ratio,
    tokens_saved_ratio_after: after.tokens_saved_ratio,
    tokens_saved_per_day_before: before.tokens_saved_per_day,
    tokens_saved_per_day_after: after.tokens_saved_per_day,
  }
}

/** Tokens saved a day with another threshold, and now; `null`: unknown. */
export function comparedPerDay (
  loaded: LoadedContexts, key: string, other: Pick<EffectiveThreshold, 'threshold'> & { readonly tokens_saved_ratio: number }, now: number
) {
  const { mode, tokens_saved_per_day: tokens_saved_per_day_now } = sideOf(loaded, loaded, key, now)
  const force = { ...inForceAt(loaded, key), threshold: other.threshold }
  return { tokens_saved_per_day: netTokensPerDay(loaded, key, mode, force, other, now), tokens_saved_per_day_now }
}

function sideOf (present: LoadedContexts, then: LoadedContexts, key: string, now: number) {
  const force = inForceAt(then, key)
  const { mode } = effectivePolicy(then.defaultPolicy, then.policies, key)
  const { threshold, source: { key: source, policy: { max_em_drop, certify_at: level } } } = force
  const isStopping = mode === 'enforce' && threshold !== null
  const losesNothing = !isStopping && isCertifying(then.levels, level, source) // and saves nothing
  const figures = losesNothing ? { em_drop: 0, tokens_saved_ratio: 0 } : figuresOf(present, force)
  return { threshold, mode, max_em_drop, ...figures, tokens_saved_per_day: netTokensPerDay(present, key, mode, force, figures, now) }
}

function foldOf (loaded: LoadedContexts, now: number): Fold {
  const { levels, defaultPolicy: defaults, policies, pins, predictors, states } = loaded
  const configuration = { levels, defaults, max_contexts: states.size }
  return {
    cursor: '0-0',
    cohorts: cohortsOf(loaded, now),
    counts: new ContextCounts(states.keys()),
    times: ENROLMENT_TIMES,
    ledger: { ...newLedger(configuration), policies, pins, contexts: states.size, predictors: [...predictors.values()].map(refTo) },
    pending: new PendingOutcomes(),
    reservoir: new Reservoir(),
    traces: new Map(),
    predictors: new Map(predictors),
    changes: [],
    days: [],
    ...foldedStates(states),
  }
}

/** Cohorts that know the traffic of the last day, by which the learner would choose the control share of another epoch (rule E8). */
function cohortsOf ({ defaultPolicy, policies, states }: LoadedContexts, now: number): Cohorts {
  const cohorts: Array<[string, Cohort]> = []
  for (const [key, { epoch, savings: { day } }] of states) {
    const span = spanOf(effectivePolicy(defaultPolicy, policies, key))
    const perDay = generationsPerDay(day, now)
    const age = perDay === null ? Math.max(0, now - day.since) : Infinity // less than an hour is known
    const generations = perDay === null ? day.generations * (age > span ? span / age : 1) : perDay * span / DAY
    cohorts.push([key, new Cohort(epoch.name, [], { traffic: Traffic.before(generations, Math.min(age, span)) })])
  }
  return new Cohorts(undefined, cohorts)
}

function inForceAt (loaded: LoadedContexts, key: string): EffectiveThreshold {
  const chain = linksOf(loaded, key)
  return effectiveThreshold(chain, certifyingDepthOf(loaded.levels, chain))
}
