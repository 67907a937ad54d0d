import { numberSamples, orderByGroup } from '../../src/cli/evaluate/replay.js'
import { readRecordedRun } from '../../src/cli/traces/read-traces.js'
import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import { emDrop, type Evidence } from '../../src/core/stats/evidence.js'
import { GRID } from '../../src/core/decide/grid.js'
import { addTrace } from '../../src/core/stats/evidence-sum.js'
import { stopsOf, type Stop } from '../../src/core/stats/trace.js'
import { NO_EVIDENCE } from '../../test/core/stats/no-evidence.js'
import { contextKey, type Levels } from '../../src/core/policy/context.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'
import { readTraceRuns } from './share.js'
import { simulatedService, type FullRun } from '../../test/simulation/service.js'
import type { TraceFile } from '../../test/test-data.js'

// The savings of a policy on real traces that are played once, including learning, and the causes of the rest.

const BOUND = 0.02

/** Fractions of the tokens of the full runs, but for the EM. */
export interface Savings {
  readonly saved: number
  /** By the best fixed threshold of each context that is inside the bound, known in hindsight. */
  readonly hindsight: number
  /** The parts of it that are lost before the first certificate, in later control generations, and by other thresholds. */
  readonly learning: number
  readonly control: number
  readonly threshold: number
  /** EM lost in all, and in each context. */
  readonly lost: number
  readonly lostIn: ReadonlyMap<string, number>
  /**
   * Shares of the control generations that need a label: at least those whose correctness some threshold changes, and at most also those
   * that some threshold stops early at a wrong answer when they end with a wrong one. The traces do not tell whether the two are the same.
   */
  readonly labelled: number
  readonly labelledAtMost: number
}

interface Judged { readonly outcome: FullRun, readonly key: string, readonly stops: readonly Stop[] }

export function measureSavings (file: TraceFile, levels: Levels, policy: PolicyPatch, seed: number): Savings {
  const judged = readTraceRuns(file, levels).map((run): Judged => {
    const { tokens, em, steps } = readRecordedRun(file, JSON.stringify(run))
    const trace = { tokens, em, answerTokens: 0, isComplete: true, steps: steps.map((step) => ({ ...step, score: step.confidence })) }
    return { outcome: run, key: contextKey(levels, run.context!), stops: stopsOf(trace, 0) }
  })
  const best = bestThresholds(judged)
  const service = simulatedService(`salt-${seed}`, levels, policy)
  const lostIn = new Map<string, { lost: number, generations: number }>()
  const sums = { full: 0, saved: 0, hindsight: 0, learning: 0, control: 0, threshold: 0, lost: 0 }
  const labels = { controls: 0, labelled: 0, labelledAtMost: 0 }
  for (const { outcome: run, key, stops } of numberSamples(orderByGroup(seededRandom(seed), judged), ({ key: name }) => name)) {
    const isLearning = service.rule(run.context!).threshold === null
    const { arm, stoppedAt } = service.serve(run)
    const stop = run.steps[stoppedAt]
    const saved = stop === undefined ? 0 : run.tokens - stop.tokens
    const lost = stop === undefined ? 0 : run.em! - stop.em!
    const index = best.get(key)!
    const most = index === -1 ? 0 : run.tokens - stops[index]!.tokens
    sums.full += run.tokens
    sums.saved += saved
    sums.hindsight += most
    sums[arm === 'treated' ? 'threshold' : isLearning ? 'learning' : 'control'] += most - saved
    sums.lost += lost
    if (arm === 'control') {
      labels.controls++
      if (stops.some(({ delta }) => delta !== 0)) labels.labelled++
      if (stops.some(({ delta, tokens }) => delta !== 0 || (run.em === 0 && tokens < run.tokens))) labels.labelledAtMost++
    }
    const own = lostIn.get(key) ?? { lost: 0, generations: 0 }
    lostIn.set(key, { lost: own.lost + lost, generations: own.generations + 1 })
  }
  const { full, saved, hindsight, learning, control, threshold, lost } = sums
  const { controls, labelled, labelledAtMost } = labels
  return {
    saved: saved / full,
    hindsight: hindsight / full,
    learning: learning / full,
    control: control / full,
    threshold: threshold / full,
    lost: lost / judged.length,
    lostIn: new Map([...lostIn].map(([key, own]) => [key, own.lost / own.generations])),
    labelled: labelled / controls,
    labelledAtMost: labelledAtMost / controls,
  }
}

/** The loosest threshold of each context that loses no more than the bound on the whole file. */
function bestThresholds (judged: readonly Judged[]): Map<string, number> {
  const evidence = new Map<string, Evidence>()
  for (const { outcome: run, key, stops } of judged) {
    const trace = { tokens: run.tokens, em: run.em!, answerTokens: 0, isComplete: true, steps: [] }
    evidence.set(key, addTrace(evidence.get(key) ?? NO_EVIDENCE, trace, stops))
  }
  return new Map([...evidence].map(([key, its]) => [key, GRID.findLastIndex((_, k) => emDrop(its, k) <= BOUND)]))
}
