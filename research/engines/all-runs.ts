import { spawnSync } from 'node:child_process'
import { MODEL_NAMES } from './play-transformers.js'

/** What `--all` runs, each with the options that it names; others are those of the command. */
const RUNS: ReadonlyArray<readonly string[]> = [
  ...MODEL_NAMES.flatMap((model) => ['transformers', 'llama.cpp', 'vllm', 'vllm-plugin'].map((engine) => [engine, '--model', model])),
  ['vllm-plugin', '--model', 'boxed', '--task', 'swap', '--task', 'total', '--task', 'call', '--schema', '--threshold', '0.9'],
  ['shapes'],
  ['clients'],
  ['vllm-conformance'],
  ['overhead', '--model', 'boxed'],
]

/**
 * Runs everything, one after the other, and goes on after a failure.
 * @param script run-engines.js
 * @param options of the command, such as `--generations 1000`
 * @returns the exit status
 */
export function runAll (script: string, options: readonly string[]): number {
  const failed = RUNS.filter((words) => {
    process.stdout.write(`\n# ${words.join(' ')}\n`)
    return spawnSync(process.execPath, [script, ...words, ...options], { stdio: 'inherit' }).status !== 0
  })
  process.stdout.write(`\n${RUNS.length - failed.length} of ${RUNS.length} runs had no failure; those that were skipped say what they need\n`)
  for (const words of failed) process.stdout.write(`FAILED: ${words.join(' ')}\n`)
  return failed.length === 0 ? 0 : 1
}
