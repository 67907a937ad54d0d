import { Gauge, type Registry } from 'prom-client'
import type { TrainingRun } from '../core/training/run.js'
import { VERDICTS } from '../core/training/verdict.js'

/** Number of suites that metrics name, the last reported on first. For the others, verdicts are counted. */
const SHOWN = 100

/** Metrics of the newest checkpoint of each suite of each run. @param runs the last reported on first */
export function watchTraining (registers: Registry[], runs: () => Promise<readonly TrainingRun[]>): () => Promise<void> {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `stopgate_training_${name}`, help, labelNames: ['run', 'suite'], registers })
  const em = gauge('em', 'EM of the newest checkpoint (fraction)')
  const tokens = gauge('tokens_mean', 'Mean response length of the newest checkpoint (tokens)')
  const steps = gauge('step', 'Training step of the newest checkpoint')
  const verdicts = new Gauge({
    name: 'stopgate_training_verdict',
    help: '1 if the verdict applied to the newest checkpoint at the last report, else 0; for run and suite "other", the number of unnamed suites to which it applied',
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
