import { alignColumns } from '../../src/cli/command-line/command-io.js'
import type { ServiceProcess } from '../../test/service-process.js'
import { lastLine } from './child-processes.js'
import { MODELS, PYTHON, startEngine, startTogether } from './start-engine.js'

/** A shape of requests, how many were asked until one was stopped, and the problems. */
interface PlayedShape { readonly name: string, readonly attempts: number, readonly faults: readonly string[] }

interface PlayedShapes { readonly shapes: readonly PlayedShape[], readonly counts: Readonly<Record<string, number>> }

/** Pins a threshold for each kind of answer: texts, calls, and JSON under a grammar, which is not this model's own. */
export async function pinKinds (service: ServiceProcess): Promise<void> {
  for (const [task, threshold] of Object.entries({ text: 0.5, call: 0.5, json: 0.01 })) {
    const key = encodeURIComponent(`model=reasoner,task=${task}`)
    await service.put(`/v1/contexts/${key}/policy`, { control_rate: 0.02, check_every_tokens: 16 })
    await service.put(`/v1/contexts/${key}/pin`, { threshold, reason: 'each shape of requests at a known threshold' })
  }
}

/**
 * Asks vLLM with its plug-in in many shapes of requests, and prints the results.
 * @param engineArguments further ones of `vllm serve`
 * @returns how many of them have faults
 */
export async function playShapes (service: ServiceProcess, engineArguments: readonly string[]): Promise<number> {
  const { start, end } = startTogether()
  try {
    await pinKinds(service)
    const plugin = await startEngine('vllm-plugin', MODELS.boxed, await service.url(), start, ['--scheduling-policy', 'priority', ...engineArguments])
    const { shapes, counts } = JSON.parse(await lastLine(start(PYTHON, ['research/engines/run_shapes.py', '--plugin', plugin]))) as PlayedShapes
    const rows = shapes.map(({ name, attempts, faults }) => [name, String(attempts), faults.length === 0 ? 'ok' : 'FAILED'])
    process.stdout.write(alignColumns([['request', 'asked until stopped', 'result'], ...rows], [true, false, true]).join('\n') + '\n')
    for (const { name, faults } of shapes) for (const fault of faults) process.stdout.write(`${name}: ${fault}\n`)
    process.stdout.write(`counts: ${JSON.stringify(counts)}\n`)
    if ((counts.faults ?? 0) > 0) throw new Error('the plug-in had faults: see the log of vLLM')
    return shapes.filter(({ faults }) => faults.length > 0).length
  } finally {
    await end()
  }
}
