import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startService } from '../../app/server.js'
import { CommandError } from '../command-line/command-error.js'

/**
 * Starts a service in a new temporary folder, which is removed when it closes. It takes LOG_LEVEL and the settings that change what is
 * learned (CONTEXT_LEVELS, DEFAULT_POLICY, MAX_CONTEXTS), but never REDIS_URL, which may be in production.
 */
export async function startOwnService (env: NodeJS.ProcessEnv) {
  const folder = await mkdtemp(join(tmpdir(), 'stopgate-replay-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const { CONTEXT_LEVELS, MAX_CONTEXTS, LOG_LEVEL = 'silent' } = env
    const { url, close } = await startService({
      env: {
        ...(CONTEXT_LEVELS !== undefined && { CONTEXT_LEVELS }),
        ...(MAX_CONTEXTS !== undefined && { MAX_CONTEXTS }),
        LOG_LEVEL,
        DEFAULT_POLICY: onArrival(env.DEFAULT_POLICY),
        DATA_DIR: folder,
        HOST: '127.0.0.1',
        PORT: '0',
        POLL_SECONDS: '0.2',
      },
    })
    return { url, async close () { await close(); await remove() } }
  } catch (error) {
    await remove()
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
