import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Of the database, bytes. Keys may then have up to 4,026 bytes: a context key of seven levels at their longest. */
export const PAGE_SIZE = 8192
/** What LMDB writes at the start of its first two pages, behind their header. */
const MAGIC = 0xBEEFC0DE
const MAGIC_OFFSET = 24
/** And where they say up to which page there is something, and in which transaction they were written. */
const LAST_PAGE_OFFSET = 144
const TRANSACTION_OFFSET = 152
/** What a new database needs, and some, bytes. */
const ROOM = 256 * 1024

/** Makes the data folder and those above it. One at a time: Node's own `recursive` goes on for ever under /proc. */
export function makeFolder (folder: string): void {
  try {
    for (const path of missing(folder)) makeOne(path)
    if (!statSync(folder).isDirectory()) throw new Error('it is no folder')
  } catch (cause) {
    throw new Error(`Can't make the data folder ${folder}: ${(cause as Error).message}. Give it another DATA_DIR.`, { cause })
  }
}

function makeOne (path: string): void {
  try { mkdirSync(path) } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error // else another process was faster
  }
}

/** The folders that are not there, outermost first. */
function missing (folder: string): string[] {
  return existsSync(folder) ? [] : [...missing(dirname(folder)), folder]
}

/**
 * Throws where no database can be opened. LMDB's binding ends the process without a word there (a segmentation fault), so what it would
 * stumble over is looked for first: a folder that is full or not to be written to, a file that is none of LMDB's or is only a part of one.
 */
export function checkDataFolder (folder: string): void {
  const probe = join(folder, 'room.tmp')
  try {
    writeFileSync(probe, Buffer.alloc(ROOM))
  } catch (cause) {
    throw new Error(`Can't write to the data folder ${folder}: ${(cause as Error).message}`, { cause })
  } finally {
    rmSync(probe, { force: true })
  }
  if (!isStoreIn(folder)) return
  const file = fileIn(folder)
  if (isDatabase(file) && (isFullLength(file) || canBeRead(folder))) return
  throw new Error(`${file} is no database, or only a part of one: put a copy of it back, or remove it and start with nothing learned.`)
}

/** Whether a store was ever opened there, whole or damaged. */
export function isStoreIn (folder: string): boolean {
  const file = fileIn(folder)
  return existsSync(file) && statSync(file).size > 0
}

function fileIn (folder: string): string { return join(folder, 'data.mdb') }

function isDatabase (file: string): boolean {
  const start = startOf(file)
  return [0, PAGE_SIZE].every((page) => start.readUInt32LE(page + MAGIC_OFFSET) === MAGIC)
}

/** A shorter file may be whole: pages that were given back before they were written may be missing at its end. */
function isFullLength (file: string): boolean {
  const start = startOf(file)
  const at = (page: number, offset: number) => Number(start.readBigUInt64LE(page + offset))
  const newest = at(0, TRANSACTION_OFFSET) > at(PAGE_SIZE, TRANSACTION_OFFSET) ? 0 : PAGE_SIZE
  return statSync(file).size >= (at(newest, LAST_PAGE_OFFSET) + 1) * PAGE_SIZE
}

/** Reads all there is, in a process that a missing page may end. */
function canBeRead (folder: string): boolean {
  const script = `
    import { open } from ${JSON.stringify(import.meta.resolve('lmdb'))}
    const root = open({ path: process.argv[1], noSubdir: false, readOnly: true, pageSize: ${PAGE_SIZE}, maxDbs: 32 })
    for (const name of [...root.getKeys()]) {
      const table = root.openDB(name, { encoding: 'binary', keyEncoding: 'binary' })
      for (const { value } of table.getRange()) value.length
    }`
  return spawnSync(process.execPath, ['--input-type=module', '-e', script, folder]).status === 0
}

function startOf (file: string): Buffer {
  const descriptor = openSync(file, 'r')
  const start = Buffer.alloc(2 * PAGE_SIZE)
  try {
    readSync(descriptor, start)
  } finally {
    closeSync(descriptor)
  }
  return start
}
