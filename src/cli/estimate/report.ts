import type { ProbeFormFinding } from '../../core/decide/index.js'
import { alignColumns } from '../command-line/command-io.js'
import { type ContextEstimate, type FirstCertificate, type Interval } from './estimate-context.js'
import { percent, points, rangeOf, roundedCount, type Verdict } from './verdict.js'

/** The result of the command. */
export interface Estimate {
  readonly contexts: readonly ContextEstimate[]
  /** Contexts with too few prompts for an estimate. */
  readonly left_out: ReadonlyArray<{ readonly context: string, readonly prompts: number }>
  /** The search for a probe form; `null`: the generations were recorded, or the form was stated. */
  readonly probe_form: ProbeFormFinding | null
  /** Notes on the figures. */
  readonly notes: readonly string[]
  readonly verdict: Verdict
}

/** Tables of a few lines for each context, the notes, and the verdict as the last line. */
export function renderEstimate ({ contexts, left_out: leftOut, probe_form: form, notes, verdict }: Estimate): string {
  const few = leftOut.length === 0 ? [] : [`Left out, with too few prompts: ${leftOut.slice(0, 5).map(({ context, prompts }) => `${context} (${prompts})`).join('; ')}${leftOut.length > 5 ? `; and ${leftOut.length - 5} more` : ''}.`]
  const legend = contexts.length === 0 ? [] : ['In brackets: 90 % intervals over the prompts. The longer the list of prompts, the narrower they are.']
  return [...contexts.flatMap((one) => [...blockOf(one, form), '']), ...legend, ...few, ...notes, verdict.text].join('\n') + '\n'
}

function blockOf (one: ContextEstimate, form: ProbeFormFinding | null): string[] {
  const { context, generations, prompts, tokens, label, cadence, em_drop: drop, self_agreement: self } = one
  const title = `${context}: ${generations} full runs of ${prompts} prompts, ${Math.round(tokens)} tokens each; ` +
    `${label === 'agreement' ? 'right is what equals the final answer' : 'graded'}`
  const rows = [
    ['tokens saved, net of probes', `${percent(one.saved_ratio.estimate)} %`, `(${rangeOf(one.saved_ratio)})`, 'by the threshold that is certified in the end; 0: none is'],
    ['  before probes', `${percent(one.saved_gross_ratio.estimate)} %`, `(${rangeOf(one.saved_gross_ratio)})`, ''],
    ['probes of a full run', `${percent(one.probe_ratio.estimate)} %`, `(${rangeOf(one.probe_ratio)})`, `of its tokens, ${one.probe_tokens.toFixed(1)} each; paid while learning`],
    [label === 'agreement' ? 'answers changed, net' : 'EM lost, points', drop === null ? 'unknown' : percent(drop.estimate), drop === null ? '' : `(${percent(drop.low)} to ${percent(drop.high)})`,
      `losses below ${percent(one.unseen_em_drop)} may not show in ${prompts} prompts`],
    ['first certificate', ...certificateCells(one.first_certificate, label === 'agreement')],
    ['cadence', `every ${cadence.check_every_tokens}`, '', `tokens, later every 1/${Math.round(1 / cadence.check_growth)} of the tokens so far`],
    ...formRow(form),
    ...(self === null ? [] : [['agrees with itself', `${percent(self.share)} %`, '', selfText(self)]]),
  ]
  return [title, ...alignColumns(rows.map((row) => [`  ${row[0]}`, ...row.slice(1)]), [true, false, true, true])]
}

/** @param isBound whether the figures are only the least ones, since right answers are not known */
function certificateCells ({ generations, seconds, horizon, chance }: FirstCertificate, isBound: boolean): string[] {
  if (generations === null) return ['none', '', `within ${roundedCount(horizon)} generations`]
  const time = seconds === null ? '' : `, ${hours(seconds.estimate)} (${hours(seconds.low)} to ${hours(seconds.high)})`
  const within = chance < 0.995 ? `; none within ${roundedCount(horizon)} in ${Math.round(100 * (1 - chance))} % of the cases` : ''
  if (isBound) return [`${roundedCount(generations.low)} or more`, '', `generations${seconds === null ? '' : `, ${hours(seconds.low)} or more`}: right answers are not known${within}`]
  return [roundedCount(generations.estimate), bracket(generations), `generations${time}${within}`]
}

function bracket ({ low, high }: Interval): string { return `(${roundedCount(low)} to ${roundedCount(high)})` }

function hours (seconds: number): string {
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} minutes`
  return seconds < 72 * 3600 ? `${(seconds / 3600).toFixed(1)} hours` : `${Math.round(seconds / 86_400)} days`
}

function formRow (finding: ProbeFormFinding | null): string[][] {
  if (finding === null || finding.form === null) return []
  const { form: { name, tokens }, tried, generations } = finding
  const agreement = tried.find((one) => one.name === name)?.agreement ?? 1
  return [['probe form', name, '', `up to ${tokens === 1 ? '1 token' : `${tokens} tokens`}; gave the model's own answer in ${points(agreement)} % of ${generations} generations`]]
}

function selfText ({ share, pairs, by }: NonNullable<ContextEstimate['self_agreement']>): string {
  const what = by === 'em' ? `of ${pairs} pairs of samples have the same EM` : `of ${pairs} pairs of full runs of one prompt end with the same answer`
  return share === 1 ? what : `${what}; the rest is noise of sampling`
}
