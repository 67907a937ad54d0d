import { execFileSync, spawnSync } from 'node:child_process'
import type { Test } from 'tap'

/** For `{ skip: withoutFileLimit }`: why this machine can't limit files, or false. */
export const withoutFileLimit: string | false = spawnSync('prlimit', ['--version']).error !== undefined && 'prlimit is not on the PATH'

/** Stands for a full disk: sets the size (bytes, or `unlimited`) that no file of this process may grow past; unlimited after the test. */
export function fileLimit (t: Test): (size: string) => void {
  const limitFiles = (size: string) => { execFileSync('prlimit', [`--pid=${process.pid}`, `--fsize=${size}:unlimited`]) }
  const ignore = () => {}
  process.on('SIGXFSZ', ignore) // which would end the process, where a full disk only fails the write
  t.teardown(() => {
    limitFiles('unlimited')
    process.off('SIGXFSZ', ignore)
  })
  return limitFiles
}
