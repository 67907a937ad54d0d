import { errWithCause } from 'pino-std-serializers'

/** Checks in one timeout. */
const CHECKS = 10

/**
 * Calls back once when no sign of life was received for a time. It counts its own checks instead of reading a clock: while this process was
 * suspended or busy it could not receive any.
 */
export function startWatchdog (timeoutMs: number, onSilence: () => void) {
  let checks = 0
  const timer = setInterval(() => {
    if (++checks === CHECKS + 1) onSilence()
  }, timeoutMs / CHECKS).unref()
  return {
    /** Restarts the timeout: a sign of life was received. */
    reset () { checks = 0 },
    close () { clearInterval(timer) },
  }
}

/**
 * An error as pino logs it, causes included, in a form that can be posted to another thread: structured cloning would lose its class and
 * fields. Fields that JSON cannot hold are dropped. The learner's thread has no use for the rest of pino.
 */
export function serializeError (error: Error): object {
  try { return JSON.parse(JSON.stringify(errWithCause(error))) } catch {
    const { message, stack } = error
    return { type: error.constructor.name, message, stack }
  }
}

/**
 * Options of a worker thread that leave out what `--import` and NODE_OPTIONS have brought into the process: with Node.js 20, module hooks
 * can deadlock with the start of a thread, which then never runs.
 */
export const WITHOUT_HOOKS = { execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } }
