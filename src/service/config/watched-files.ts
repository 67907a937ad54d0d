import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { FastifyBaseLogger } from 'fastify'
import { ConfigError } from '../../settings/environment.js'

interface WatchedFile {
  /** Setting that names the file in messages. They never show its value, which may be a secret that was set in place of a path. */
  readonly setting: string
  readonly path: string
  /** The required contents of the file, for messages. */
  readonly holds: string
}

interface WatchOptions {
  readonly files: readonly WatchedFile[]
  readonly pollSeconds: number
  readonly log: FastifyBaseLogger
  /** The contents of the files, in the plural, for log lines. */
  readonly what: string
  /** Applies the contents. @returns fields for the log line @throws ConfigError if they are invalid */
  readonly take: (texts: readonly string[]) => object
}

/**
 * Reads files, and reads them again at every poll. Watching would miss a mounted secret, which changes by a symbolic link that is moved.
 * @throws ConfigError that names the setting
 */
export function watchFiles ({ files, pollSeconds, log, what, take }: WatchOptions) {
  let texts = files.map(readNow)
  let problem: string | null = null
  take(texts)

  let isReading = false
  async function read (): Promise<void> {
    if (isReading) return
    isReading = true
    try {
      const next = await Promise.all(files.map(readLater))
      if (problem !== null || next.some((text, i) => text !== texts[i])) {
        const fields = take(next)
        texts = next
        problem = null
        log.info(fields, `changed ${what} are in force`)
      }
    } catch (error) {
      reject((error as Error).message)
    }
    isReading = false
  }

  function reject (why: string): void {
    if (why !== problem) log.error({ reason: why }, `changed ${what} are invalid, so the previous ones stay in force: correct the file`)
    problem = why
  }

  const poll = setInterval(read, pollSeconds * 1000).unref()
  return {
    /** Why changed files are not in force; `null`: they are. */
    problem: () => problem,
    close: () => clearInterval(poll),
  }
}

function readNow (file: WatchedFile): string {
  try { return readFileSync(file.path, 'utf8') } catch (error) { throw unreadable(file, error) }
}

async function readLater (file: WatchedFile): Promise<string> {
  try { return await readFile(file.path, 'utf8') } catch (error) { throw unreadable(file, error) }
}

function unreadable ({ setting, holds }: WatchedFile, error: unknown): ConfigError {
  return new ConfigError(`${setting} cannot be read (${(error as NodeJS.ErrnoException).code}): set it to the path of ${holds}`)
}
