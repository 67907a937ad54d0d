import { closeSync, existsSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Of the database, bytes. Keys may then have up to 4,026 bytes: a context key of seven levels at their longest. */
export const PAGE_SIZE = 8192
/** What LMDB writes at the start of its first two pages, behind their header. */
const MAGIC = 0xBEEFC0DE
const MAGIC_OFFSET = 24
/** What a new database needs, and some, bytes. */
const ROOM = 256 * 1024

/**
 * Throws where no database can be opened. LMDB's binding ends the process without a word there (a segmentation fault), so what it would
 * stumble over is looked for first: a folder that is full or not to be written to, a file that is none of LMDB's or was made only in part.
 */
export function checkGround (folder: string): void {
  const probe = join(folder, 'room.tmp')
  try {
    writeFileSync(probe, Buffer.alloc(ROOM))
  } catch (cause) {
    throw new Error(`Can't write to the data folder ${folder}: ${(cause as Error).message}`, { cause })
  } finally {
    rmSync(probe, { force: true })
  }
  const file = join(folder, 'data.mdb')
  if (!existsSync(file) || statSync(file).size === 0 || isDatabase(file)) return
  throw new Error(`${file} is no database, or only a part of one: put a copy of it back, or remove it and start with nothing learned.`)
}

function isDatabase (file: string): boolean {
  const descriptor = openSync(file, 'r')
  const start = Buffer.alloc(2 * PAGE_SIZE)
  try {
    readSync(descriptor, start)
  } finally {
    closeSync(descriptor)
  }
  return [0, PAGE_SIZE].every((page) => start.readUInt32LE(page + MAGIC_OFFSET) === MAGIC)
}
