import { PROBE_FORM_NAMES, type ProbeForm, type ProbeFormFinding, type ProbeFormName } from '../../core/decide/index.js'
import { probeStyle } from '../dialects/forced-answer.js'
import type { EndTrial, FormTrial } from './end-trial.js'

/** Share of the self-agreement that a form must agree in. */
const FITTING = 0.9
/** Agreement below which a form is no use, however little the model agrees with itself. */
const LEAST = 0.5

/**
 * Chooses the form that agrees most with the answers that the model gave by itself; of those that agree equally, the one with the fewest
 * tokens. Where the model's answers vary, the yardstick is how often it agrees with itself.
 * @param maxTokens largest number of tokens of a forced answer
 */
export function chooseForm (trials: readonly EndTrial[], maxTokens: number): ProbeFormFinding {
  const tried = PROBE_FORM_NAMES.map((name) => summaryOf(name, trialsOf(trials, name)))
  const fitting = tried.filter(({ agreement, self_agreement: self }) => agreement >= LEAST && agreement >= FITTING * self)
  const suffixOf = ({ name }: { readonly name: ProbeFormName }) => probeStyle(name).suffix.length
  const [best] = fitting.sort((a, b) => b.agreement - a.agreement || a.tokens - b.tokens || suffixOf(a) - suffixOf(b))
  const form = best === undefined ? null : formOf(best.name, trials, maxTokens)
  return { form, is_stated: false, generations: trials.length, tried }
}

function trialsOf (trials: readonly EndTrial[], name: ProbeFormName): FormTrial[] {
  return trials.flatMap(({ forms }) => forms.filter((form) => form.name === name))
}

function summaryOf (name: ProbeFormName, trials: readonly FormTrial[]) {
  const mean = (value: (trial: FormTrial) => number) => trials.reduce((sum, trial) => sum + value(trial), 0) / Math.max(1, trials.length)
  return {
    name,
    agreement: mean(({ isEqual }) => Number(isEqual)),
    self_agreement: mean(({ isRepeated }) => Number(isRepeated)),
    tokens: mean(({ wholeTokens }) => wholeTokens),
  }
}

function formOf (name: ProbeFormName, trials: readonly EndTrial[], maxTokens: number): ProbeForm {
  const [before, after] = JSON.parse(mostFrequent(trials.map((trial) => JSON.stringify([trial.before, trial.after])))!) as [string, string]
  const equal = trialsOf(trials, name).filter(({ isEqual }) => isEqual)
  return { name, suffix: probeStyle(name).suffix, before, after, tokens: Math.min(maxTokens, tokensFor(name, equal)) }
}

/**
 * The tokens that answers need, with room for longer ones where lengths vary. `direct` answers are ended by the model alone: where all have
 * one length, its end says nothing, and is not decoded.
 */
function tokensFor (name: ProbeFormName, equal: readonly FormTrial[]): number {
  const bare = equal.map(({ answerTokens }) => answerTokens)
  if (name === 'direct' && Math.min(...bare) === Math.max(...bare)) return bare[0]!
  const whole = equal.map(({ wholeTokens }) => wholeTokens)
  const longest = Math.max(...whole)
  return 2 * longest - Math.min(...whole)
}

/** @returns `undefined` of none */
export function mostFrequent<T> (values: readonly T[]): T | undefined {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0]
}
