import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { registered } from './child-processes.js'

/** Sums over the generations of a task, as research/engines/figures.py prints them. Tokens are those decoded. */
export interface TaskFigures {
  readonly generations: number
  readonly control: number
  readonly stopped: number
  readonly full_tokens: number
  readonly tokens: number
  readonly probe_tokens: number
  /** Prompt tokens that were evaluated for probes; 0 where the proxy asked. */
  readonly prefill_tokens: number
  readonly probes: number
  readonly full_right: number
  readonly right: number
  /** Of those stopped, how many are right in full, and how many as they were served. */
  readonly stopped_full_right: number
  readonly stopped_right: number
  /** Generations that were not stopped and yet differ from the full run. */
  readonly changed: number
}

export interface Played {
  readonly tasks: Readonly<Record<string, TaskFigures>>
  /** The same of each 250 generations of a task, in their order; the last part may be smaller. */
  readonly parts: Readonly<Record<string, readonly TaskFigures[]>>
  /** Time of the full runs, and of those that the service may stop. */
  readonly seconds: { readonly full: number, readonly served: number }
  readonly client: Readonly<Record<'checks' | 'calls' | 'failures' | 'reported' | 'rejected' | 'dropped' | 'probe_tokens', number>>
}

/** The figures after a batch. */
export interface Progress {
  readonly batch: number
  /** Milliseconds a generation. */
  readonly ms: number
  /** Milliseconds that the batch, and so each of its generations, stood still in each of its checks. */
  readonly stood_still_ms: readonly number[]
  /** Calls that have failed so far. */
  readonly failures: number
  /** Tokens decoded for probes so far. */
  readonly probe_tokens: number
}

/** The test models: `single` answers with one character, `boxed` with a number in \boxed{}. */
export const MODEL_NAMES = ['single', 'boxed'] as const
export type ModelName = typeof MODEL_NAMES[number]

export interface Playing {
  readonly url: string
  readonly generations: number
  /** `single` by default. */
  readonly model?: ModelName
  readonly batch: number
  /** Of the prompts; 1 by default. */
  readonly seed?: number
  /** Seconds that a call for decisions may take, and the last reports. A step that is not answered in time goes on. */
  readonly timeoutSeconds?: number
  /** Process of the service, to be killed before the third check of the second batch. */
  readonly kill?: number
  readonly onProgress?: (progress: Progress) => void
  /** Whether it is found by itself how the model wants its answers to be forced. */
  readonly findsForm?: boolean
}

const PYTHON = 'clients/python/.venv/bin/python'
/** The client of this tree, whichever is installed. */
export const CLIENT = { PYTHONPATH: 'clients/python/src' }

/** Why the models cannot be run here; `null` if it can. */
export async function lacksTransformers (): Promise<string | null> {
  const remedy = "python3 -m venv clients/python/.venv && clients/python/.venv/bin/pip install 'clients/python[test,hf]'"
  if (!existsSync('research/engines/model/weights')) return 'needs research/engines/model/weights: python research/engines/model/train.py'
  if (!existsSync(PYTHON)) return `needs transformers: ${remedy}`
  // To import them takes seconds.
  const code = "from importlib.util import find_spec; raise SystemExit(not all(map(find_spec, ('torch', 'transformers', 'stopgate'))))"
  const child = spawn(PYTHON, ['-c', code], { stdio: 'ignore' })
  return await new Promise((resolve) => child.once('exit', (code) => resolve(code === 0 ? null : `needs transformers: ${remedy}`)))
}

/** Runs a test model in transformers, each prompt in full and as the service at `url` decides. */
export async function playTransformers (playing: Playing): Promise<Played> {
  const { url, generations, model = 'single', batch, seed = 1, timeoutSeconds = 1, kill, onProgress, findsForm = false } = playing
  const options = { url, generations, model, batch, seed, timeout: timeoutSeconds, ...(kill !== undefined && { kill }) }
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  return await playPython(PYTHON, ['research/engines/run_transformers.py', ...words, ...(findsForm ? ['--find-form'] : [])], CLIENT, onProgress)
}

/** Runs a script that prints figures at its end. */
async function playPython (python: string, words: string[], env: NodeJS.ProcessEnv = {}, onProgress?: Playing['onProgress']): Promise<Played> {
  const child = registered(spawn(python, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } }))
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk) => { output += chunk })
  createInterface(child.stderr).on('line', (line) => {
    if (line.startsWith('{')) onProgress?.(JSON.parse(line) as Progress); else errors += `${line}\n`
  })
  const code = await new Promise((resolve) => { child.once('close', resolve) })
  if (code !== 0) throw new Error(`${words[0]!} ended with ${String(code)}: ${errors}`)
  return JSON.parse(output.trim().split('\n').at(-1)!) as Played // engines print lines of their own
}
