import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { Test } from 'tap'
import { CommandReader } from './command-reader.js'

/** What becomes of a Redis command: it goes on; it does, and nothing after it; nothing does from here on. */
export type Verdict = 'pass' | 'last' | 'none'

/** Between a client and a server, for tests to spoil. */
export interface Proxy {
  readonly url: string
  /** Where connections go from now on; those there are end. */
  readonly leadTo: (port: number) => void
  /** Where connections go from now on; those there are stay. */
  readonly moveTo: (port: number) => void
  /** How long each piece of a reply is held back, ms. */
  delayMs: number
  /** How long each piece of a request is held back, ms: it is acknowledged only when it has arrived. */
  lateMs: number
  /** Of the next reply only this many bytes come through on each connection, which then ends; `null`: all. */
  cutAfterBytes: number | null
  /** Asked before each Redis command is let through; `null`: nobody is. */
  judge: ((name: string) => Verdict) | null
  /** Nothing comes through in either direction any more, and nobody is told: a partition. */
  readonly part: () => void
  /** What was sent meanwhile arrives late, as it does when the network is back, whether or not its sender still waits. */
  readonly heal: () => void
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
    let late = 0
    let arrived = Promise.resolve()
    client.on('data', (chunk: Buffer) => {
      if (late === 0 && proxy.lateMs === 0) return forward(chunk)
      late++
      const due = setTimeout(proxy.lateMs)
      arrived = arrived.then(() => due).then(() => { late--; forward(chunk) })
    })
    upstream.on('data', (chunk: Buffer) => {
      const { delayMs, cutAfterBytes } = proxy
      if (cutAfterBytes !== null) client.end(chunk.subarray(0, cutAfterBytes))
      else if (delayMs > 0) setTimeout(delayMs).then(() => client.write(chunk))
      else pass(() => client.write(chunk))
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
