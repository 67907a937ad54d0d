import { spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readlinkSync, readSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { dirname, join } from 'node:path'

/** Page size of the database, bytes. It allows keys of up to 4,026 bytes, the longest context key of seven levels. */
export const PAGE_SIZE = 8192
/**
 * The number that LMDB writes after the header of its first two pages. It is checked here since opening a file that is not LMDB's, or only
 * the start of one, ends the process with a segmentation fault (lmdb 3.5).
 */
const MAGIC = 0xBEEFC0DE
const MAGIC_OFFSET = 24

/** Free space to ask for, somewhat more than a new database needs, bytes. */
export const ROOM = 256 * 1024

/** Makes the data folder and its parents, one at a time: Node's `recursive` option never returns under /proc. */
export function makeFolder (folder: string): void {
  try {
    for (const path of missing(folder)) makeOne(path)
    if (!statSync(folder).isDirectory()) throw new Error('it is not a folder')
  } catch (cause) {
    throw new Error(`The data folder ${folder} cannot be created: ${(cause as Error).message}. Set another DATA_DIR.`, { cause })
  }
}

function makeOne (path: string): void {
  try { mkdirSync(path) } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error // another process may have made it
  }
}

/** The missing folders, outermost first. */
function missing (folder: string): string[] {
  return existsSync(folder) ? [] : [...missing(dirname(folder)), folder]
}

/** Throws if the folder is full or not writable, or if its file is not LMDB's. */
export function checkDataFolder (folder: string): void {
  const probe = join(folder, 'room.tmp')
  try {
    writeFileSync(probe, Buffer.alloc(ROOM))
  } catch (cause) {
    throw new Error(`The data folder ${folder} cannot be written to: ${(cause as Error).message}`, { cause })
  } finally {
    rmSync(probe, { force: true })
  }
  checkFile(folder)
}

/** Throws if the folder has a file that is not LMDB's. */
export function checkFile (folder: string): void {
  if (isStoreIn(folder) && !isDatabase(fileIn(folder))) throw damaged(folder)
}

/**
 * Throws if the file is truncated. Reading a missing page would end the process (SIGBUS), so call this before any table is opened.
 * @param lastPage number of the last page in use, from LMDB
 */
export function checkLength (folder: string, lastPage: number): void {
  // A shorter file can be complete too: pages that were freed before they were written may be missing at its end.
  if (statSync(fileIn(folder)).size < (lastPage + 1) * PAGE_SIZE && !canBeRead(folder)) throw damaged(folder)
}

function damaged (folder: string): Error {
  return new Error(`${fileIn(folder)} is not a database, or is truncated: restore a copy of it, or remove it and start with nothing learned.`)
}

/** Whether a store was ever opened in the folder. */
export function isStoreIn (folder: string): boolean {
  const file = fileIn(folder)
  return existsSync(file) && statSync(file).size > 0
}

/** Whether the file is there, but has lost its contents: a new folder has none. */
export function isEmptied (folder: string): boolean {
  return statSync(fileIn(folder), { throwIfNoEntry: false })?.size === 0
}

function fileIn (folder: string): string { return join(folder, 'data.mdb') }

/** Identifies the file of a store: another file at the same path has another identity. `null`: there is no file. */
export function fileIdentity (folder: string): string | null {
  const stats = statSync(fileIn(folder), { throwIfNoEntry: false })
  return stats === undefined ? null : `${stats.dev}:${stats.ino}`
}

function isDatabase (file: string): boolean {
  const start = startOf(file)
  return [0, PAGE_SIZE].every((page) => start.readUInt32LE(page + MAGIC_OFFSET) === MAGIC)
}

/** Time limit for reading the whole database, ms: a damaged page may also cause an endless loop. */
const READ_MS = 45_000

/** Reads the whole database in a process of its own, which a missing page may crash. */
function canBeRead (folder: string): boolean {
  const script = `
    import { open } from ${JSON.stringify(import.meta.resolve('lmdb'))}
    const root = open({ path: process.argv[1], noSubdir: false, readOnly: true, pageSize: ${PAGE_SIZE}, maxDbs: 32 })
    for (const name of [...root.getKeys()]) {
      const table = root.openDB(name, { encoding: 'binary', keyEncoding: 'binary' })
      for (const { value } of table.getRange()) value.length
    }`
  return spawnSync(process.execPath, ['--input-type=module', '-e', script, folder], { timeout: READ_MS, killSignal: 'SIGKILL' }).status === 0
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

// A folder in use contains a unix socket. The kernel refuses connections to the socket of a process that has ended, so a file that was left
// behind never blocks. Unlike a process id, a socket means the same in two containers that mount one volume.

/** Throws if any process, this one included, holds the folder. The folder must exist. */
export async function checkFolder (folder: string): Promise<void> {
  const isHeld = () => {
    const { path, close } = socketIn(folder)
    return isListening(path).finally(close)
  }
  if (await isHeld()) throw inUse(folder)
  const ofPath = pathSocketOf(folder)
  if (ofPath === null || !await isListening(ofPath)) return
  throw await isHeld() ? inUse(folder) : replacedInUse(folder) // another process may have taken it in between
}

const inUse = (folder: string): Error =>
  new Error(`The data folder ${folder} is in use by another process. One folder serves one process: ` +
    'stop the other one, give this one another DATA_DIR, or set REDIS_URL to share state between processes.')

const replacedInUse = (folder: string): Error =>
  new Error(`The data folder ${folder} was deleted or replaced, and the process that used it still runs: stop that one first.`)

/**
 * Holds the folder until the process ends or calls the returned function. Callers must exclude each other by another lock, since time
 * passes between the check and the taking.
 */
export async function takeFolder (folder: string): Promise<() => Promise<void>> {
  await checkFolder(folder)
  const { path, close } = socketIn(folder)
  rmSync(path, { force: true })
  try {
    const server = await listenAt(path)
    const ofPath = pathSocketOf(folder)
    const other = ofPath === null ? null : await listenAt(ofPath)
    return async () => {
      await Promise.all([server, other].map((one) => one === null ? null : new Promise((resolve) => { one.close(resolve) })))
      close()
    }
  } catch (cause) {
    close()
    throw new Error(`Can't mark the data folder ${folder} as in use: ${(cause as Error).message}`, { cause })
  }
}

/** A server at which processes only see whether somebody listens. */
function listenAt (path: string): Promise<Server> {
  const server = createServer((socket) => { socket.destroy() }).unref()
  return new Promise<Server>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path, exclusive: true }, () => { resolve(server) })
  })
}

/**
 * The folder's socket is deleted together with the folder, so on Linux its path is held as well, by a socket whose name is not in the file
 * system. Its name has the mount namespace and the root, since in another container the same path is another folder.
 */
function pathSocketOf (folder: string): string | null {
  if (process.platform !== 'linux') return null
  const root = statSync('/')
  const place = [readlinkSync('/proc/self/ns/mnt'), root.dev, root.ino, realpathSync(folder)].join(' ')
  return `\0stopgate ${hash('sha256', place, 'hex')}`
}

/** The path of a socket is limited to 107 bytes on Linux and 103 on macOS. Linux can use an open folder for longer paths. */
function socketIn (folder: string): { path: string, close: () => void } {
  const path = join(folder, 'in-use.sock')
  if (Buffer.byteLength(path) <= 103 || process.platform !== 'linux') return { path, close: () => {} }
  const descriptor = openSync(folder, 'r')
  return { path: `/proc/self/fd/${descriptor}/in-use.sock`, close: () => { closeSync(descriptor) } }
}

function isListening (path: string): Promise<boolean> {
  const socket = connect(path)
  return new Promise<boolean>((resolve) => {
    socket.once('connect', () => { resolve(true) })
    // These codes mean that nobody listens. Other failures, such as a full backlog, do not show that the holder is gone.
    socket.once('error', ({ code }: NodeJS.ErrnoException) => { resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT') })
  }).finally(() => { socket.destroy() })
}
