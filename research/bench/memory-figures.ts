import { setTimeout } from 'node:timers/promises'
import { spreadOf, type Figure } from './figure.js'
import type { Generator } from './processes.js'
import type { Load } from './load.js'
import { end, memoryOf } from './processes.js'
import { seededServer } from './seeded-server.js'
import { json, stepsOf } from './steps.js'

const STEPS = 4096

/** Resident memory with many contexts, before and after many decisions. Learner and embedded store are in the process. */
export async function memoryFigures (generator: Generator, { contexts, steadyDecisions, windowMs }: Load): Promise<Figure[]> {
  const figures: Figure[] = []
  const row = (name: string, { resident, anonymous }: Awaited<ReturnType<typeof memoryOf>>): void => {
    figures.push({ name: `resident${name}`, unit: 'MiB', value: spreadOf([resident]) })
    figures.push({ name: '  without pages of files', unit: 'MiB', value: spreadOf([anonymous]) })
  }
  for (const count of contexts) {
    const { url, child } = await seededServer(count)
    await setTimeout(windowMs * 2)
    row(`, ${count.toLocaleString('en-GB')} contexts`, await memoryOf(child))
    if (count === contexts.at(-1)) {
      const bodies = json([1, 2, 3, 4].map((seed) => ({ steps: stepsOf(STEPS, count, seed) })))
      let decided = 0
      const drive = async (until: number): Promise<Awaited<ReturnType<typeof memoryOf>>> => {
        while (decided < until) decided += (await generator.ask({ url, path: '/v1/decisions/batch', bodies, connections: 2, ms: windowMs })).requests * STEPS
        return await memoryOf(child)
      }
      const share = (decisions: number) => decisions >= 1e6 ? `${decisions / 1e6} million` : decisions.toLocaleString('en-GB')
      row(` there, after ${share(steadyDecisions / 10)} decisions`, await drive(steadyDecisions / 10))
      row(` there, after ${share(steadyDecisions)} decisions`, await drive(steadyDecisions))
    }
    await end(child)
  }
  return figures
}
