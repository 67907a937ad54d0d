import { Worker } from 'node:worker_threads'
import { WITHOUT_HOOKS } from '../learner/threads.js'

/** A main thread that does nothing for this long hangs, ms. */
const HANGS_AFTER_MS = 60_000
/** Checks in that time. All of them must fail: after the machine was paused, only the first does. */
const CHECKS = 6

/** It shares no module with the service, and writes the reason itself, since the log belongs to the main thread. */
const GUARD = `
  const { writeSync } = require('node:fs')
  const { beats, everyMs, checks, reason } = require('node:worker_threads').workerData
  let last = -1
  let missed = 0
  setInterval(() => {
    const now = Atomics.load(beats, 0)
    missed = now === last ? missed + 1 : 0
    last = now
    if (missed < checks) return
    writeSync(2, reason)
    process.kill(process.pid, 'SIGKILL')
  }, everyMs)`

/**
 * Ends the process if its main thread hangs, which then hears no signal: a damaged file can keep LMDB in an endless loop.
 * @returns a function that ends the watch
 */
export function watchMainThread (hangsAfterMs = HANGS_AFTER_MS): () => void {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const everyMs = hangsAfterMs / CHECKS
  const beat = setInterval(() => { Atomics.add(beats, 0, 1) }, everyMs / 2)
  beat.unref()
  const reason = `stopgate: the process ends, since its main thread has done nothing for ${hangsAfterMs / 1000} s\n`
  const guard = new Worker(GUARD, {
    name: 'guard',
    eval: true,
    workerData: { beats, everyMs, checks: CHECKS, reason },
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 8, stackSizeMb: 1 },
    ...WITHOUT_HOOKS,
  })
  guard.unref()
  return () => {
    clearInterval(beat)
    guard.terminate()
  }
}
