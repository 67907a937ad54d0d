import t from 'tap'
import { logEvidence } from '../../src/core/stats/certificate.js'
import { certifiedIndex } from '../../src/core/stats/certified-threshold.js'
import { emDrop, tokensSavedRatio, type Evidence } from '../../src/core/stats/evidence.js'
import { addTrace, mergeEvidence } from '../../src/core/stats/evidence-sum.js'
import { stopsOf } from '../../src/core/stats/trace.js'
import type { Em } from '../../src/core/decide/step.js'
import { GRID } from '../../src/core/decide/grid.js'
import { NO_EVIDENCE } from './stats/no-evidence.js'
import { tracesText, vectors, type TraceFile } from '../test-data.js'

interface Row {
  readonly file: string
  readonly context: string
  readonly generations: number
  readonly max_em_drop: number
  readonly error_level: number
  readonly em_full: number
  readonly threshold_index: number | null
  readonly threshold: number | null
  readonly lost?: number
  readonly kept?: number
  readonly gained?: number
  readonly em_drop?: number
  readonly tokens_saved_ratio?: number
  readonly log_evidence?: number
}

interface Recorded {
  readonly context: Record<string, string>
  readonly tokens: number
  readonly em: Em
  readonly steps: { tokens: number, confidence: number, em?: Em }[]
}

/** Levels in alphabetical order, as the vectors name contexts; every subset of them, so that each generation is found under each. */
function keysOf ({ task, model }: Record<string, string>): string[] {
  return ['*', `task=${task}`, `model=${model}`, `model=${model},task=${task}`]
}

/** Every generation of a file as evidence of each context it belongs to; two parts merged. */
function evidenceByContext (text: string): Map<string, Evidence> {
  const halves = [new Map<string, Evidence>(), new Map<string, Evidence>()]
  for (const [i, line] of text.trimEnd().split('\n').entries()) {
    const { context, tokens, em, steps }: Recorded = JSON.parse(line)
    const trace = { tokens, em, answerTokens: 0, isComplete: true, steps: steps.map((step) => ({ ...step, score: step.confidence })) }
    const stops = stopsOf(trace, 0)
    const half = halves[i % 2]!
    for (const key of keysOf(context)) half.set(key, addTrace(half.get(key) ?? NO_EVIDENCE, trace, stops))
  }
  const [a, b] = halves as [Map<string, Evidence>, Map<string, Evidence>]
  return new Map([...a.keys(), ...b.keys()].map((key) => [key, mergeEvidence(a.get(key) ?? NO_EVIDENCE, b.get(key) ?? NO_EVIDENCE)]))
}

const isClose = (x: number, y: number) => Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(y))

t.test('real traces certify the same thresholds as the independent implementation (test/data/vectors/dev-traces.json)', async (t) => {
  const { rows }: { rows: Row[] } = vectors('dev-traces')
  const files = new Map<string, Map<string, Evidence>>()
  for (const row of rows) {
    if (!files.has(row.file)) files.set(row.file, evidenceByContext(tracesText(row.file.replace('.jsonl', '') as TraceFile)))
    const evidence = files.get(row.file)!.get(row.context)!
    const name = `${row.file} ${row.context} at ${row.max_em_drop}: `
    t.equal(evidence.generations, row.generations, name + 'generations')
    t.ok(isClose(evidence.full_em / evidence.generations, row.em_full), name + 'EM of the full runs')
    t.equal(evidence.unprobed_generations, 0, name + 'every step is probed')

    const k = certifiedIndex(evidence, row.max_em_drop, Math.log(1 / row.error_level))
    t.equal(k, row.threshold_index ?? -1, name + 'threshold')
    if (row.threshold_index === null) continue
    const [lost, gained] = [evidence.lost[k]!, evidence.gained[k]!]
    t.equal(GRID[k], row.threshold, name + 'threshold in score')
    t.strictSame([lost, evidence.generations - lost - gained, gained], [row.lost, row.kept, row.gained], name + 'counts')
    t.ok(isClose(emDrop(evidence, k), row.em_drop!), name + 'EM drop')
    t.ok(isClose(tokensSavedRatio(evidence, k), row.tokens_saved_ratio!), name + 'tokens saved')
    t.ok(isClose(logEvidence(row.max_em_drop, { lost, kept: evidence.generations - lost - gained, gained }), row.log_evidence!), name + 'ln E')
  }
  t.ok(rows.length > 20, 'not a handful of rows')
})
