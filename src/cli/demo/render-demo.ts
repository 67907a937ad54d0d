import { alignColumns } from '../command-line/align-columns.js'
import { addScores, savedRatio, trueEmDrop, type Score } from './demo-score.js'
import { PARTS, type DemoEvent, type DemoResult, type Part } from './play-demo.js'

const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`
const points = (ratio: number): string => `${(100 * ratio).toFixed(2)} points`
const whole = (count: number): string => count.toLocaleString('en-GB')

/** A line about what has happened. @param seconds since the start */
export function renderEvent (event: DemoEvent, seconds: number): string {
  const time = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`
  return `${time.padStart(6)}  ${textOf(event)}\n`
}

function textOf (event: DemoEvent): string {
  if (event.type === 'progress') return `${whole(event.score.generations)} generations, ${percent(savedRatio(event.score))} of the tokens saved`
  if (event.type === 'exchanged') return `${event.key}: the model is exchanged for one that is sure too early. Nobody tells the service`
  const { change: { key, cause, before, after }, generations } = event
  const at = `after ${whole(generations)} generations`
  if (cause === 'drift' || cause === 'breach') return `${key}: ALARM (${cause}), the threshold is taken back`
  if (before === null) return `${key}: certified ${at}: stop at a score of ${after!.toFixed(4)}`
  if (after === null) return `${key}: the threshold is withdrawn (${cause})`
  return `${key}: ${after < before ? 'looser' : 'stricter'}, stop at ${after.toFixed(4)}`
}

const TITLES: Readonly<Record<Part, string>> = {
  learning: 'until the first certificate',
  certified: 'certified',
  drifted: 'exchanged, until the alarm',
  relearning: 'until certified again',
  recertified: 'certified again',
}

/** What came of the demo. @param key of the first model's context @param bound the policy's max_em_drop */
export function renderSummary ({ first, total, certifiedSeconds, part }: DemoResult, key: string, bound: number): string {
  const rows = PARTS.slice(0, PARTS.indexOf(part) + 1).map((name) => [TITLES[name], ...cells(first[name])])
  const table = alignColumns([['', 'generations', 'in control', 'tokens saved', 'true EM drop'], ...rows], [true, false, false, false, false])
  const safe = addScores(first.certified, first.recertified)
  return [
    '',
    key,
    ...table.map((line) => `  ${line}`),
    '',
    `All models: ${whole(total.generations)} generations, ${percent(savedRatio(total))} of the tokens saved, probes paid for.`,
    ...(Number.isFinite(certifiedSeconds) ? [`First certificate of ${key}: after ${whole(first.learning.generations)} generations, ${certifiedSeconds.toFixed(0)} s.`] : []),
    ...(safe.treated >= MIN_TREATED ? [`Under a certificate: true EM drop ${points(trueEmDrop(safe))}, allowed ${points(bound)}.`] : []),
    ...(part === 'relearning' || part === 'recertified'
      ? [`The exchange was found after ${whole(first.drifted.generations)} generations, ${whole(first.drifted.control)} of them control.`]
      : []),
    '',
  ].join('\n')
}

/** Below so many treated generations an EM drop is mostly noise. */
const MIN_TREATED = 30

function cells (score: Score): string[] {
  return [whole(score.generations), whole(score.control), percent(savedRatio(score)), score.treated < MIN_TREATED ? '-' : points(trueEmDrop(score))]
}
