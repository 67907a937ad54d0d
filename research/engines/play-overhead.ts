import { spawnSync } from 'node:child_process'
import { alignColumns } from '../../src/cli/command-line/command-io.js'
import type { ServiceProcess } from '../../test/service-process.js'
import { lastLine } from './child-processes.js'
import type { ModelName } from './play-transformers.js'
import { lacksEngine, PYTHON, startEngine, startTogether, type ModelFiles } from './start-engine.js'

const CONTEXT = 'model=reasoner,task=bench'

/** Why the plug-in's cost cannot be measured here; `null` if it can. */
export function lacksBench (): string | null {
  const isThere = () => spawnSync(PYTHON, ['-c', 'import pandas']).status === 0
  return lacksEngine('vllm-plugin') ?? (isThere() ? null : `needs pandas in ${PYTHON}: vllm bench reads its prompts by it`)
}

interface Ratio { readonly ratio: number, readonly low: number, readonly high: number }

interface Level {
  readonly concurrency: number
  readonly pairs: number
  readonly requests: number
  /** With the plug-in to without it. */
  readonly ratios: Readonly<Record<string, Ratio>>
  /** Medians of the runs. */
  readonly levels: Readonly<Record<'alone' | 'plugin', Readonly<Record<string, number>>>>
}

/**
 * Measures what the plug-in costs while nothing is stopped, by `vllm bench serve`. The context is in the state of one that can't be
 * certified: 2 % of the generations are control, and only these are probed. A pin in the mode `shadow` brings it there at once.
 */
export async function playOverhead (service: ServiceProcess, model: ModelName, files: ModelFiles, pairs: string): Promise<void> {
  const { start, end } = startTogether()
  try {
    await service.put(`/v1/contexts/${CONTEXT}/policy`, { control_rate: 0.02, mode: 'shadow' })
    await service.put(`/v1/contexts/${CONTEXT}/pin`, { threshold: 0.99, reason: 'a control share at the floor' })
    const url = await service.url()
    const [alone, plugin] = [await startEngine('vllm', files, url, start), await startEngine('vllm-plugin', files, url, start)]
    const args = ['--alone', alone, '--plugin', plugin, '--model', model, '--weights', files.weights, '--pairs', pairs]
    const player = start(PYTHON, ['research/engines/run_overhead.py', ...args])
    showLevels(JSON.parse(await lastLine(player)) as Level[])
    const { counts } = await (await fetch(`${plugin}/stopgate/status`)).json() as { counts: Record<string, number> }
    process.stdout.write(`counts: ${JSON.stringify(counts)}\n`)
    if ((counts.faults ?? 0) > 0) throw new Error('the plug-in had faults: see the log of vLLM')
  } finally {
    await end()
  }
}

function showLevels (levels: readonly Level[]): void {
  const names = Object.keys(levels[0]!.ratios)
  const header = ['at a time', 'requests', ...names.flatMap((name) => [name, 'alone', 'with'])]
  const rows = levels.map(({ concurrency, pairs, requests, ratios, levels: { alone, plugin } }) => [
    String(concurrency), `${pairs} x ${requests / pairs}`,
    ...names.flatMap((name) => {
      const { ratio, low, high } = ratios[name]!
      return [`${ratio.toFixed(3)} (${low.toFixed(3)}-${high.toFixed(3)})`, alone[name]!.toFixed(2), plugin[name]!.toFixed(2)]
    }),
  ])
  process.stdout.write(alignColumns([header, ...rows], header.map(() => false)).join('\n') + '\n')
}
