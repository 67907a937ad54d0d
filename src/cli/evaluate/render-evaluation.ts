import { losslessUnits } from '../../core/stats/index.js'
import { alignColumns } from '../command-line/command-io.js'
import { type EvaluatedContext, type Evaluation, SERVICE, type Summary } from './run-evaluation.js'
import { CERTIFIED_RULES } from './stopping-rules.js'

const HEADER = ['context', 'rule', 'saved %', 'gross %', 'EM drop', 'worst', 'exceeded', 'certified']
/** The rules that may certify nothing. */
const CERTIFYING: readonly string[] = [...Object.values(CERTIFIED_RULES), SERVICE]

/** The table of an evaluation, one row a rule: each context, then the total. */
export function renderEvaluation (evaluation: Evaluation): string {
  const blocks = [...evaluation.contexts, { key: 'all', ...evaluation.total }]
  const rows = blocks.flatMap(({ key, rules }) => rules.map((rule, i) => cellsOf(i === 0 ? key : '', rule)))
  const lines = alignColumns([HEADER, ...rows], HEADER.map((_, column) => column < 2))
  const rule = '-'.repeat(Math.max(...lines.map((line) => line.length)))
  const body: string[] = []
  let at = 1
  for (const { rules } of blocks) body.push(rule, ...lines.slice(at, at += rules.length))
  return [lines[0], ...body, '', ...legend(evaluation), '', ...firstCertificates(evaluation.contexts), ...hint(evaluation)].join('\n') + '\n'
}

function cellsOf (key: string, { name, splits, ...figures }: Summary): string[] {
  return [
    key, name, percent(figures.tokens_saved_ratio), percent(figures.tokens_saved_gross_ratio),
    percent(figures.em_drop), percent(figures.worst_em_drop),
    `${figures.exceeded} of ${splits}`, CERTIFYING.includes(name) ? `${figures.certified} of ${splits}` : '',
  ]
}

function legend ({ max_em_drop: bound }: Pick<Evaluation, 'max_em_drop'>): string[] {
  return [
    'saved: percentage of the tokens of the full runs, net of the tokens of probes; gross: probes not counted. EM drop: EM of the full runs minus EM served, in points.',
    `Both are means over the runs. worst: largest EM drop of a run. exceeded: runs with an EM drop above ${percent(bound)}. certified: runs with a threshold.`,
    'A run is a random split of the groups into thirds, to learn a predictor, to certify thresholds and to test all rules on;',
    `and, for ${SERVICE}, all generations in a random order, with those before the first certificate and later control generations in full.`,
    'on both parts: raw confidence needs no learning part, so that part is evidence too.',
    'best possible: stopping at the earliest step that is no worse than the full run, known only in hindsight.',
  ]
}

/** Number of contexts that a sentence names. */
const MAX_NAMED_CONTEXTS = 10

function named (contexts: readonly EvaluatedContext[], figureOf: (context: EvaluatedContext) => number): string {
  const more = contexts.length - MAX_NAMED_CONTEXTS
  const first = contexts.slice(0, MAX_NAMED_CONTEXTS).map((context) => `${context.key} ${Math.round(figureOf(context))}`)
  return `${first.join('; ')}${more > 0 ? `; and ${more} more contexts` : ''}.`
}

function firstCertificates (contexts: readonly EvaluatedContext[]): string[] {
  const certified = contexts.filter(({ first_certificate_after: first }) => first !== null)
  return certified.length === 0 ? [] : [`Generations before the first certificate of ${SERVICE}: ${named(certified, (one) => one.first_certificate_after!)}`]
}

/** Says how many generations a first certificate takes, if a rule certified nothing in some context. */
function hint ({ contexts, max_em_drop: bound, error_level: level }: Evaluation): string[] {
  const without = contexts.filter(({ rules }) => rules.some(({ name, certified }) => CERTIFYING.includes(name) && certified === 0))
  if (without.length === 0) return []
  return [
    `0 certified: that rule never stopped. A first certificate for ${percent(bound)} points at level ${level} takes ` +
      `${losslessUnits(bound, Math.log(1 / level))} generations without any loss, and more otherwise.`,
    `Available to certify on: ${named(without, (one) => one.generations_to_certify_on)}`,
    'Remedies: more traces; in --policy, a pool of contexts ("certify_at") or a larger "max_em_drop".',
  ]
}

function percent (ratio: number): string {
  const text = (100 * ratio).toFixed(1)
  return text === '-0.0' ? '0.0' : text
}
