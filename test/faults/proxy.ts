import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'
import { sleep } from '../clock.js' // it stands in for a slow network, between processes
import { CommandReader } from './command-reader.js'

/** The fate of a Redis command: it passes, it passes as the last one of its connection, or the connection is cut before it. */
export type Verdict = 'pass' | 'last' | 'none'

/** A proxy between a client and a server, which tests disturb. */
export interface Proxy {
  readonly url: string
  /** Sends new connections elsewhere and ends the present ones. */
  readonly leadTo: (port: number) => void
  /** Sends new connections elsewhere and leaves the present ones. */
  readonly moveTo: (port: number) => void
  /** Delay of each chunk of a reply, ms. */
  delayMs: number
  /** Delay of each chunk of a request, ms. */
  lateMs: number
  /** Cuts each connection after this many bytes of its next reply; `null`: never. */
  cutAfterBytes: number | null
  /** Decides on each Redis command before it passes; `null`: all pass. */
  judge: ((name: string) => Verdict) | null
  /** Starts a network partition: nothing passes in either direction, and connections stay open. */
  readonly part: () => void
  /** Ends the partition. Data sent meanwhile arrive late, even if its sender no longer waits. */
  readonly heal: () => void
}

/** Hands chunks on after a delay, which may change: none overtakes another, as on any connection. */
function inOrder (delayMs: () => number, handOn: (chunk: Buffer) => void): (chunk: Buffer) => void {
  let waiting = 0
  let last = Promise.resolve()
  return (chunk) => {
    if (waiting === 0 && delayMs() === 0) return handOn(chunk)
    waiting++
    const due = sleep(delayMs())
    last = last.then(() => due).then(() => { waiting--; handOn(chunk) })
  }
}

export async function startProxy (t: Test, port: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let target = port
  let held: Array<() => void> | null = null
  const pass = (action: () => void) => { if (held === null) action(); else held.push(action) }
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    const reader = new CommandReader()
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => { pass(() => { client.destroy(); upstream.destroy() }) })
    }
    const forward = (chunk: Buffer) => {
      if (proxy.judge === null) pass(() => upstream.write(chunk))
      else {
        for (const { name, bytes } of reader.read(chunk)) {
          const verdict = held === null ? proxy.judge(name) : 'none'
          if (verdict === 'none') proxy.part()
          pass(() => upstream.write(bytes))
          if (verdict === 'last') proxy.part()
        }
      }
    }
    client.on('data', inOrder(() => proxy.lateMs, forward))
    const reply = inOrder(() => proxy.delayMs, (chunk) => { pass(() => client.write(chunk)) })
    upstream.on('data', (chunk: Buffer) => {
      const { cutAfterBytes } = proxy
      if (cutAfterBytes !== null) client.end(chunk.subarray(0, cutAfterBytes))
      else reply(chunk)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const end = () => { for (const socket of sockets) socket.destroy() }
  t.teardown(() => { held = null; end(); server.close() })
  const proxy: Proxy = {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo: (port) => { target = port; end() },
    moveTo: (port) => { target = port },
    delayMs: 0,
    lateMs: 0,
    cutAfterBytes: null,
    judge: null,
    part: () => { held ??= [] },
    heal: () => {
      const late = held ?? []
      held = null
      for (const action of late) action()
    },
  }
  return proxy
}
