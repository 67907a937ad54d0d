import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startService, type Running, type ServiceOptions } from '../../app/server.js'

/**
 * Starts a service on this machine in a new temporary folder, which is removed when it closes.
 * @param command for the name of the folder
 * @param env settings, without those of the folder and the address
 * @param options.times times of enrolment, instead of the usual ones
 * @throws ConfigError
 */
export async function startTemporaryService (
  command: string, env: NodeJS.ProcessEnv, options: Pick<ServiceOptions, 'times'> = {}
): Promise<Pick<Running, 'url' | 'close'>> {
  const folder = await mkdtemp(join(tmpdir(), `stopgate-${command}-`))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const { url, close } = await startService({ ...options, env: { ...env, DATA_DIR: folder, HOST: '127.0.0.1' } })
    return { url, async close () { await close(); await remove() } }
  } catch (error) {
    await remove()
    throw error
  }
}
