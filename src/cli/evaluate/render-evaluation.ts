import { losslessGenerations } from '../../core/certificate/certificate.js'
import { alignColumns } from '../command-line/align-columns.js'
import { CERTIFIED_RULES, type Wish } from './certified-rules.js'
import type { EvaluatedContext, Evaluation } from './run-evaluation.js'
import type { Summary } from './summarise.js'

const HEADER = ['context', 'rule', 'saved %', 'gross %', 'EM drop', 'worst', 'exceeded', 'certified']
const CERTIFIED: readonly string[] = Object.values(CERTIFIED_RULES)

/** The tables of an evaluation, one row a rule: each context, then the total. */
export function renderEvaluation ({ contexts, total }: Evaluation, wish: Wish): string {
  const blocks = [...contexts, { key: 'all', ...total }]
  const rows = blocks.flatMap(({ key, rules }) => rules.map((rule, i) => rowOf(i === 0 ? key : '', rule)))
  const lines = alignColumns([HEADER, ...rows], HEADER.map((_, column) => column < 2))
  const rule = '-'.repeat(Math.max(...lines.map((line) => line.length)))
  const body: string[] = []
  let at = 1
  for (const { rules } of blocks) body.push(rule, ...lines.slice(at, at += rules.length))
  return [lines[0], ...body, '', ...legend(wish), ...hint(contexts, wish)].join('\n') + '\n'
}

function rowOf (key: string, { name, splits, ...figures }: Summary): string[] {
  return [
    key, name, percent(figures.tokens_saved_ratio), percent(figures.tokens_saved_gross_ratio),
    percent(figures.em_drop), percent(figures.worst_em_drop),
    `${figures.exceeded} of ${splits}`, CERTIFIED.includes(name) ? `${figures.certified} of ${splits}` : '',
  ]
}

function legend ({ maxEmDrop }: Wish): string[] {
  return [
    'saved: percentage of the tokens of the full runs, net of the tokens of probes; gross: probes not counted. EM drop: EM of the full runs minus EM served, in points, on unseen groups;',
    `both are means over the splits. worst: largest EM drop of a split. exceeded: splits with an EM drop above ${percent(maxEmDrop)}. certified: splits with a threshold.`,
    'on both parts: raw confidence needs no learning part, so that part is evidence too. champion and challenger: as the service runs them, raw',
    'confidence at half the error level and the predictor at a quarter; the one that saves more serves.',
    'best possible: stopping at the earliest step that is no worse than the full run, known only in hindsight.',
  ]
}

/** Number of contexts that the hint names. */
const NAMED = 10

/** Says what a certificate takes, if a rule never certified in some context. */
function hint (contexts: readonly EvaluatedContext[], { maxEmDrop, errorLevel }: Wish): string[] {
  const without = contexts.filter(({ rules }) => rules.some(({ name, certified }) => CERTIFIED.includes(name) && certified === 0))
  if (without.length === 0) return []
  const [alone, shared] = [errorLevel, errorLevel / 2].map((level) => losslessGenerations(maxEmDrop, level))
  const named = without.slice(0, NAMED).map(({ key, generations_to_certify_on: n }) => `${key} ${Math.round(n)}`)
  const more = without.length - named.length
  return [
    '',
    `0 certified: that rule never stopped. A first certificate for ${percent(maxEmDrop)} points at level ${errorLevel} takes ${alone} generations without any loss ` +
      `(champion and challenger: ${shared}), and more otherwise.`,
    `Available to certify on: ${named.join('; ')}${more > 0 ? `; and ${more} more contexts` : ''}.`,
    'Remedies: more traces; a larger share to certify on (--shares 1,4,1); certifying at a higher level (--at); a larger --max-em-drop.',
  ]
}

function percent (ratio: number): string {
  const text = (100 * ratio).toFixed(1)
  return text === '-0.0' ? '0.0' : text
}
