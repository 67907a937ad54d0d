import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { playProxy } from '../engines/play-proxy.js'
import type { ModelName, TaskFigures } from '../engines/play-transformers.js'
import { lacksEngine, PYTHON } from '../engines/start-engine.js'
import { startProcess } from '../../test/service-process.js'
import type { FullRun } from '../../test/simulation/service.js'
import { percent, points, table } from '../simulation/summary.js'

/** Tasks that each model is asked. */
const TASKS: Readonly<Record<ModelName, number>> = { single: 4, boxed: 3 }

/**
 * Full greedy runs of a test model in llama.cpp, an answer forced every 8 tokens.
 * @param each generations of a task
 * @param folder that keeps the recording, and may hold one already
 */
export async function recordLive (model: ModelName, each: number, folder?: string): Promise<FullRun[]> {
  const file = folder === undefined ? undefined : join(folder, `${model}.jsonl`)
  if (file !== undefined && existsSync(file)) return readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line))
  const lacking = lacksEngine('llama.cpp')
  if (lacking !== null) throw new Error(lacking)
  const options = ['--model', model, '--generations', String(each * TASKS[model])]
  const child = spawn(PYTHON, ['research/compare/record_llama.py', ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const recorded: string[] = []
  for await (const line of createInterface({ input: child.stdout })) recorded.push(line)
  const [code] = await ended
  if (code !== 0) throw new Error(`record_llama.py ended with ${String(code)}`)
  if (file !== undefined) writeFileSync(file, recorded.map((line) => `${line}\n`).join(''))
  return recorded.map((line) => JSON.parse(line))
}

/** The same prompts through the proxy, asked every 16 tokens, as research/engines/run-engines.ts plays them. */
export async function playLive (model: ModelName, each: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stopgate-compare-'))
  const ends: Array<() => unknown> = [() => rm(folder, { recursive: true, force: true })]
  const service = startProcess({ teardown: (end: () => unknown) => { ends.unshift(end) } } as Test, {
    DATA_DIR: folder,
    // The prompts are shuffled, so evidence needs no span.
    DEFAULT_POLICY: JSON.stringify({ check_every_tokens: 16, check_growth: 0, follow_up_seconds: 60, evidence_span_seconds: 0 }),
  })
  try {
    const generations = each * TASKS[model]
    const { tasks, parts } = await playProxy('llama.cpp', { url: await service.url(), generations, seed: 1, isLabelled: true, model })
    const rows = Object.entries(tasks).map(([task, sums]) => [task, ...cells(sums), ...cells(lateHalf(parts[task]!)).slice(0, 1)])
    return table(['task', 'saved net, %', 'EM in full, %', 'EM served, %', 'EM lost, points', 'saved in the second half, %'], rows)
  } finally {
    for (const end of ends) await end()
  }
}

function cells ({ generations, full_tokens: full, tokens, probe_tokens: probes, full_right: fullRight, right }: TaskFigures): string[] {
  const lost = points((fullRight - right) / generations)
  return [percent(1 - (tokens + probes) / full), percent(fullRight / generations), percent(right / generations), lost]
}

/** @param parts of 250 generations each, in their order */
function lateHalf (parts: readonly TaskFigures[]): TaskFigures {
  const late = parts.slice(Math.floor(parts.length / 2))
  return Object.fromEntries(Object.keys(late[0]!).map((field) =>
    [field, late.reduce((sum, part) => sum + part[field as keyof TaskFigures], 0)])) as unknown as TaskFigures
}
