import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { besideEcho } from './beside-echo.js'
import { bundleFigures } from './bundle-figures.js'
import { coreFigures } from './core-figures.js'
import { decisionFigures } from './decision-figures.js'
import { disturbedFigures } from './disturbed-figures.js'
import type { Figure } from './figure.js'
import type { LoadOrder, LoadResult } from './generator.js'
import { learnerFigures } from './learner-figures.js'
import { LOADS } from './load.js'
import { memoryFigures } from './memory-figures.js'
import { LOAD_CORE, removeFolders, startScript } from './processes.js'
import { propagationFigures } from './propagation-figures.js'
import { renderTable } from './render-table.js'
import { replicaFigures } from './replica-figures.js'
import { streamFigures } from './stream-figures.js'

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, tiny: { type: 'boolean' }, only: { type: 'string' }, out: { type: 'string', default: 'bench.json' } },
})
const load = LOADS[values.tiny ? 'tiny' : values.quick ? 'quick' : 'full']
const generator = await startScript<LoadOrder, LoadResult>('generator', LOAD_CORE)

const SECTIONS: Record<string, () => Promise<Figure[]>> = {
  decisions: () => decisionFigures(generator, load),
  core: () => besideEcho(generator, load, () => coreFigures(load)),
  learner: () => besideEcho(generator, load, () => learnerFigures(load)),
  propagation: () => propagationFigures(load),
  memory: () => memoryFigures(generator, load),
  disturbed: () => disturbedFigures(generator, load),
  replicas: () => replicaFigures(generator, load),
  bundle: () => bundleFigures(load),
  streams: () => streamFigures(load),
}

const figures: Figure[] = []
try {
  for (const [name, measure] of Object.entries(SECTIONS)) {
    if (values.only !== undefined && !values.only.split(',').includes(name)) continue
    const its = await measure()
    figures.push(...its)
    process.stdout.write(renderTable(name, its))
  }
} finally {
  await removeFolders()
}
const machine = { node: process.version, processor: cpus()[0]?.model, cores: cpus().length }
await writeFile(values.out, JSON.stringify({ machine, load, figures }, null, 2) + '\n')
process.exit(0) // ends the processes
