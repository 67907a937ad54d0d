import { appendFileSync, write } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { FastifyBaseLogger } from 'fastify'
import { throttle } from '../../logging/log.js'
import { ConfigError } from '../../settings/environment.js'
import { sentId } from '../access/context-access.js'
import type { Encoded } from './log-buffer.js'

/** The value of DECISION_LOG_FILE that stands for standard output. */
const STANDARD_OUTPUT = '-'

/** Characters that may wait for a slow disk or reader; further lines are lost. */
const WAITING = 16 * 1024 * 1024
/**
 * Characters of one write, so that several processes can append to one file without cutting each other's lines. A pipe takes only 4 KiB in
 * one piece.
 */
const PIECE = { file: 256 * 1024, pipe: 4096 }
/** Time after which a full pipe is tried again, and time in which the rest must be written at the end, ms. */
const RETRY_MS = 20
const END_MS = 1000
const REPORT_MS = 60_000

/** The line of an event: its JSON with the id that the worker sent. */
export function exportedLine ([id, text]: Encoded): string {
  return `{"generation_id":${JSON.stringify(sentId(id))},${text.slice(1)}\n`
}

/**
 * Writes lines off the event loop. It never waits for a disk or a reader: lines not taken in time are lost, and counted. A file is
 * opened for each write, so that it can be moved or removed at any time.
 * @param onLost called with the number of lines that were lost
 * @returns `null` if there is no file
 * @throws ConfigError if the file cannot be written
 */
export function exportLines (file: string, log: FastifyBaseLogger, onLost: (lines: number) => void) {
  if (file === '') return null
  const isPipe = file === STANDARD_OUTPUT
  if (!isPipe) checkFile(file)
  const most = isPipe ? PIECE.pipe : PIECE.file
  let waiting: string[] = []
  let lines = 0 // waiting or being written, and their characters
  let characters = 0
  let writing: Promise<void> | null = null
  let reason = ''
  const complain = throttle(() => { log.error({ reason }, 'lines of the decision log could not be written to DECISION_LOG_FILE and are lost') }, REPORT_MS)

  async function writeWaiting (): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      for (let from = 0, to; from < batch.length; from = to) {
        to = pieceEnd(batch, from, most)
        await writePiece(batch.slice(from, to))
      }
    }
    writing = null
  }

  async function writePiece (piece: readonly string[]): Promise<void> {
    const text = piece.join('')
    try {
      await (isPipe ? toStandardOutput(text) : appendFile(file, text))
    } catch (error) {
      reason = (error as Error).message
      onLost(piece.length)
      complain()
    }
    lines -= piece.length
    characters -= text.length
  }

  return {
    write (more: readonly string[]): void {
      let taken = 0
      for (const line of more) {
        if (characters > WAITING) break
        waiting.push(line)
        characters += line.length
        taken++
      }
      lines += taken
      if (taken < more.length) onLost(more.length - taken)
      if (waiting.length > 0) writing ??= writeWaiting()
    },
    async close (): Promise<void> {
      await Promise.race([writing, setTimeout(END_MS, undefined, { ref: false })])
      onLost(lines)
    },
  }
}

function checkFile (file: string): void {
  try { appendFileSync(file, '') } catch (error) {
    throw new ConfigError(`DECISION_LOG_FILE cannot be written (${(error as NodeJS.ErrnoException).code}): set it to a path in a folder that exists and may be written, or to - for standard output`)
  }
}

/** The end of a piece of up to `most` characters, or of one line. */
function pieceEnd (lines: readonly string[], from: number, most: number): number {
  let to = from + 1
  for (let length = lines[from]!.length; to < lines.length && (length += lines[to]!.length) <= most; to++);
  return to
}

const writeTo = promisify(write)

async function toStandardOutput (text: string): Promise<void> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length;) {
    try {
      at += (await writeTo(process.stdout.fd, bytes, at)).bytesWritten
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      await setTimeout(RETRY_MS)
    }
  }
}
