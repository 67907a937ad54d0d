import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { FastifyBaseLogger } from 'fastify'
import { ConfigError } from './settings.js'

export interface WatchedFile {
  /** Names it in messages. They never show the path: set by mistake to what belongs into the file, that is no text for a log. */
  readonly setting: string
  readonly path: string
  /** What it must be the path of. */
  readonly holds: string
}

export interface WatchOptions {
  readonly files: readonly WatchedFile[]
  readonly pollSeconds: number
  readonly log: FastifyBaseLogger
  /** What they are together, in the plural. */
  readonly what: string
  /** Puts the texts in force. @returns what the log says of them @throws ConfigError where they can't be used */
  readonly take: (texts: readonly string[]) => object
}

export interface WatchedFiles {
  /** Why changed files are not in force; `null`: they are. */
  readonly problem: () => string | null
  readonly close: () => void
}

/**
 * Reads files, and goes on reading them. They are read again and not watched: a mounted secret changes by a symbolic link that is moved,
 * which watchers of the file miss, and the files are small.
 * @throws ConfigError that names the setting
 */
export function watchFiles ({ files, pollSeconds, log, what, take }: WatchOptions): WatchedFiles {
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
        const said = take(next)
        texts = next
        problem = null
        log.info(said, `the ${what} of the file are in force`)
      }
    } catch (error) {
      reject((error as Error).message)
    }
    isReading = false
  }

  function reject (why: string): void {
    if (why !== problem) log.error({ reason: why }, `the ${what} in force stay: the file that should replace them can't be used`)
    problem = why
  }

  const poll = setInterval(read, pollSeconds * 1000).unref()
  return { problem: () => problem, close: () => clearInterval(poll) }
}

function readNow (file: WatchedFile): string {
  try { return readFileSync(file.path, 'utf8') } catch (error) { throw unreadable(file, error) }
}

async function readLater (file: WatchedFile): Promise<string> {
  try { return await readFile(file.path, 'utf8') } catch (error) { throw unreadable(file, error) }
}

function unreadable ({ setting, holds }: WatchedFile, error: unknown): ConfigError {
  return new ConfigError(`${setting} can't be read (${(error as NodeJS.ErrnoException).code}): it must be the path of ${holds}`)
}
