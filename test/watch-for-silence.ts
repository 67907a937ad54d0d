import type { ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import type { Worker } from 'node:worker_threads'
import t from 'tap'

// Loaded in the process of each test file by preload-watch.ts. Ends the process after a long silence, and names the test that hangs or that
// left a thread or a process running. Otherwise such a test would cost as long as tap's own limit.

/** Seconds without a line of output while no test runs: only what a test left behind keeps the process alive. */
const BETWEEN_TESTS = 60

/** A thread or a process that a test started. */
interface Started { readonly what: string, readonly file: string | null, readonly test: string, readonly isRunning: () => boolean }

const started: Started[] = []
let inATest = Infinity
let file: string | null = null
let silent = 0

/** Sets the limit for silence in a test, in seconds, which is none by default. */
export function limitSilence (seconds: number): void { inATest = seconds }

/** Says which test file of a folder begins. */
export function noteFile (name: string): void { file = name }

const running = () => [...t.activeSubtests][0]?.name ?? 'code outside of tests'

function note (what: string, isRunning: () => boolean): void { started.push({ what, file, test: running(), isRunning }) }

subscribe('worker_threads', (message) => {
  const { worker } = message as { worker: Worker }
  note('a thread', () => worker.threadId !== -1)
})
subscribe('child_process', (message) => {
  const { process: child } = message as { process: ChildProcess }
  note('a process', () => child.pid !== undefined && child.exitCode === null && child.signalCode === null)
})
t.parser.on('line', () => { silent = 0 })

// Turns of the event loop, so a test that computes is not silent.
setInterval(() => {
  if (++silent < (t.idle ? BETWEEN_TESTS : inATest)) return
  const left = started.filter(({ isRunning }) => isRunning())
  const names = left.map(({ what, file, test }) => `"${test}"${file === null ? '' : ` of ${file}`} left ${what}`)
  const details = names.length > 0 ? names.join('; ') : process.getActiveResourcesInfo().join(', ')
  if (t.idle && left[0]?.file != null) t.comment(`file ${left[0].file}`)
  t.fail(`${t.idle ? 'all tests have ended' : `"${running()}" hangs`}, ${silent} s of silence: ${details}`)
  process.exit(1)
}, 1000).unref()
