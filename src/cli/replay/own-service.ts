import { CommandError } from '../command-line/command-error.js'
import { startTemporaryService } from '../command-line/temporary-service.js'

/**
 * Starts a service in a new temporary folder, which is removed when it closes. It takes LOG_LEVEL and the settings that change what is
 * learned (CONTEXT_LEVELS, DEFAULT_POLICY, MAX_CONTEXTS), but never REDIS_URL, which may be in production.
 */
export async function startOwnService (env: NodeJS.ProcessEnv) {
  const { CONTEXT_LEVELS, MAX_CONTEXTS, LOG_LEVEL = 'silent' } = env
  try {
    return await startTemporaryService('replay', {
      ...(CONTEXT_LEVELS !== undefined && { CONTEXT_LEVELS }),
      ...(MAX_CONTEXTS !== undefined && { MAX_CONTEXTS }),
      LOG_LEVEL,
      DEFAULT_POLICY: onArrival(env.DEFAULT_POLICY),
      PORT: '0',
      POLL_SECONDS: '0.2',
    })
  } catch (error) {
    throw new CommandError(`the replay's own service could not start: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * A replay has no clock and plays its records in shuffled order, so outcomes may count on arrival.
 */
function onArrival (policy: string | undefined): string {
  if (policy === undefined) return '{"follow_up_seconds":0}'
  try {
    return JSON.stringify({ ...JSON.parse(policy), follow_up_seconds: 0 })
  } catch {
    return policy // the service reports what is wrong with it
  }
}
