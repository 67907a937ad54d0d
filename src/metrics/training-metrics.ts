import { Gauge, type Registry } from 'prom-client'
import type { TrainingRun } from '../core/training/run.js'
import { VERDICTS } from '../core/training/verdict.js'

/** Suites of runs that metrics name, the last reported on first; of the rest verdicts are counted. */
const SHOWN = 100

/**
 * Per suite of a run: where its newest checkpoint stands.
 * @param runs the last reported on first
 */
export function watchTraining (registers: Registry[], runs: () => Promise<readonly TrainingRun[]>): () => Promise<void> {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `stopgate_training_${name}`, help, labelNames: ['run', 'suite'], registers })
  const em = gauge('em', 'EM of the newest checkpoint, a fraction')
  const tokens = gauge('tokens_mean', 'Mean tokens of a response of the newest checkpoint')
  const steps = gauge('step', 'Step of the newest checkpoint')
  const verdicts = new Gauge({
    name: 'stopgate_training_verdict',
    help: '1 where a verdict was said of the newest checkpoint when its suite was last reported on, else 0; under other, of how many suites that are not named',
    labelNames: ['run', 'suite', 'verdict'],
    registers,
  })
  return async () => {
    const all = (await runs()).flatMap(({ name: run, suites }) => suites.map((suite) => ({ run, ...suite })))
    for (const metric of [em, tokens, steps, verdicts]) metric.reset()
    for (const { run, suite, ...newest } of all.slice(0, SHOWN)) {
      em.set({ run, suite }, newest.em)
      tokens.set({ run, suite }, newest.tokens_mean)
      steps.set({ run, suite }, newest.step)
      const said: readonly string[] = newest.verdicts
      for (const verdict of Object.keys(VERDICTS)) verdicts.set({ run, suite, verdict }, said.includes(verdict) ? 1 : 0)
    }
    for (const other of all.slice(SHOWN)) for (const verdict of other.verdicts) verdicts.inc({ run: 'other', suite: 'other', verdict })
  }
}
