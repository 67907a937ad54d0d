import { alignColumns } from '../align.js'
import { CERTIFIED_RULES } from './certified-rules.js'
import type { Evaluation } from './run-evaluation.js'
import type { Summary } from './summarise.js'

const HEADER = ['context', 'rule', 'saved %', 'EM drop', 'worst', 'exceeded', 'certified']
const CERTIFIED: readonly string[] = Object.values(CERTIFIED_RULES)

/** The tables at the end of an evaluation: for each context, then for all of them, a row a rule. */
export function renderEvaluation ({ contexts, total }: Evaluation, maxEmDrop: number): string {
  const blocks = [...contexts, { key: 'all', ...total }]
  const rows = blocks.flatMap(({ key, rules }) => rules.map((rule, i) => rowOf(i === 0 ? key : '', rule)))
  const lines = alignColumns([HEADER, ...rows], HEADER.map((_, column) => column < 2))
  const rule = '-'.repeat(Math.max(...lines.map((line) => line.length)))
  const body: string[] = []
  let at = 1
  for (const { rules } of blocks) body.push(rule, ...lines.slice(at, at += rules.length))
  return [lines[0], ...body, '', ...legend(maxEmDrop)].join('\n') + '\n'
}

function rowOf (key: string, { name, splits, ...figures }: Summary): string[] {
  return [
    key, name, percent(figures.tokens_saved_ratio), percent(figures.em_drop), percent(figures.worst_em_drop),
    `${figures.exceeded} of ${splits}`, CERTIFIED.includes(name) ? `${figures.certified} of ${splits}` : '',
  ]
}

function legend (maxEmDrop: number): string[] {
  return [
    'saved: of the tokens of the full runs. EM drop: EM of the full runs less EM served, in points, on groups nothing was learned or certified on;',
    `means over the splits, and the worst of them. exceeded: splits whose EM drop was above ${percent(maxEmDrop)}. certified: splits with a threshold in force.`,
    'best possible: the earliest step that is no worse than the full run, known only in hindsight.',
  ]
}

function percent (ratio: number): string {
  const text = (100 * ratio).toFixed(1)
  return text === '-0.0' ? '0.0' : text
}
