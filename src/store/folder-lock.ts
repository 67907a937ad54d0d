import { closeSync, openSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'

// A folder in use contains a unix socket. The kernel refuses connections to the socket of a process that has ended, so a file that was left
// behind never blocks. Unlike a process id, a socket means the same in two containers that mount one volume.

/** Throws if any process, this one included, holds the folder. The folder must exist. */
export async function checkFolder (folder: string): Promise<void> {
  const { path, close } = socketIn(folder)
  const isHeld = await isListening(path).finally(close)
  if (!isHeld) return
  throw new Error(`The data folder ${folder} is in use by another process. One folder serves one process: ` +
    'stop the other one, give this one another DATA_DIR, or set REDIS_URL to share state between processes.')
}

/**
 * Holds the folder until the process ends or calls the returned function. Callers must exclude each other by another lock, since time
 * passes between the check and the taking.
 */
export async function takeFolder (folder: string): Promise<() => Promise<void>> {
  await checkFolder(folder)
  const { path, close } = socketIn(folder)
  rmSync(path, { force: true })
  const server = createServer((socket) => { socket.destroy() }).unref()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      close()
      reject(new Error(`Can't mark the data folder ${folder} as in use: ${cause.message}`, { cause }))
    })
    server.listen({ path, exclusive: true }, resolve)
  })
  return () => new Promise((resolve) => { server.close(() => { close(); resolve() }) })
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
