import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { quantile } from './figure.js'

/**
 * A closed-loop HTTP load in a process of its own: each connection sends its next request when the reply to the last one is complete. It
 * uses sockets, since the generators on npm cost more a request than the server under test, and count whole milliseconds.
 */
export interface LoadOrder {
  readonly url: string
  readonly path: string
  readonly bodies: readonly string[]
  readonly connections: number
  readonly ms: number
}

export interface LoadResult {
  readonly requests: number
  readonly perSecond: number
  readonly p50Us: number
  readonly p99Us: number
  /** Requests that were refused as overload, which happens when other programs take the core. They are not among `requests`. */
  readonly refused: number
}

process.on('message', (order: LoadOrder) => { run(order).then((result) => process.send!(result)) })
process.send?.('ready')

/** Connections opened at a time. Those beyond the listener's queue would be retried after a second. */
const OPENED_AT_ONCE = 250

async function run ({ url, path, bodies, connections, ms }: LoadOrder): Promise<LoadResult> {
  const { hostname, port, host } = new URL(url)
  const open = async (): Promise<Socket> => {
    const socket = connect({ port: Number(port), host: hostname, noDelay: true })
    await once(socket, 'connect')
    return socket
  }
  const requests = bodies.map((body) => Buffer.from(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`))
  const latencies: number[] = []
  let failed = 0
  let refused = 0
  const sockets: Socket[] = []
  while (sockets.length < connections) {
    sockets.push(...await Promise.all(Array.from({ length: Math.min(OPENED_AT_ONCE, connections - sockets.length) }, open)))
  }
  const start = performance.now()
  const until = start + ms
  const isOver = () => performance.now() >= until
  await Promise.all(sockets.map((first, i) => new Promise<void>((resolve, reject) => {
    let next = i
    use(first)

    function use (socket: Socket): void {
      let sentAt = 0
      const send = () => {
        sentAt = performance.now()
        socket.write(requests[next++ % requests.length]!)
      }
      socket.once('error', reject)
      socket.once('close', () => { if (isOver()) resolve(); else open().then(use, reject) }) // for example after a refusal
      onReply(socket, (status) => {
        if (status === 503) refused++
        else latencies.push(performance.now() - sentAt)
        if (status !== 200 && status !== 503) failed++
        if (isOver()) socket.destroy(); else send()
      })
      send()
    }
  })))
  const seconds = (performance.now() - start) / 1000
  const sorted = Float64Array.from(latencies).sort()
  const us = (q: number) => quantile(sorted, q) * 1000
  if (failed > 0) throw new Error(`${failed} of ${sorted.length} replies of ${path} were not successful`) // a figure would measure something else
  return { requests: sorted.length, perSecond: sorted.length / seconds, p50Us: us(0.5), p99Us: us(0.99), refused }
}

const LENGTH = /content-length: (\d+)/i

/** Calls back with the status when a reply is complete. */
function onReply (socket: Socket, done: (status: number) => void): void {
  let missing = 0
  let status = 0
  let head: Buffer | null = null
  socket.on('data', (chunk: Buffer) => {
    if (missing === 0) {
      const data: Buffer = head === null ? chunk : Buffer.concat([head, chunk])
      const end = data.indexOf('\r\n\r\n')
      if (end === -1) { head = data; return }
      head = null
      const text = data.toString('latin1', 0, end)
      status = Number(text.slice(9, 12))
      missing = Number(LENGTH.exec(text)![1]) - (data.length - end - 4)
    } else missing -= chunk.length
    if (missing === 0) done(status)
  })
}
