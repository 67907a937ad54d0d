import type { CoreAnswer, CoreOrder } from './core-worker.js'
import { spreadOf, type Figure } from './figure.js'
import type { Load } from './load.js'
import { end, SERVER_CORE, startScript } from './processes.js'

/** The processor time of a decision in the core alone, with the most contexts of the load. */
export async function coreFigures ({ contexts, coreDecisions, rounds }: Load): Promise<Figure[]> {
  const script = await startScript<CoreOrder, CoreAnswer>('core-worker', SERVER_CORE)
  const { echoed, drawn } = await script.ask({ contexts: contexts.at(-1)!, decisions: coreDecisions, rounds })
  await end(script.child)
  return [
    { name: 'core/decide, arm echoed', unit: 'us', value: spreadOf(echoed.map(microseconds)) },
    { name: 'core/decide, arm drawn', unit: 'us', value: spreadOf(drawn.map(microseconds)) },
  ]
}

const microseconds = (nanoseconds: number): number => nanoseconds / 1000
