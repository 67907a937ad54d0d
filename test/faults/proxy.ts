import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

/** Between a client and a server, for tests to spoil. */
export interface Proxy {
  readonly url: string
  /** Where connections go from now on; those there are end. */
  readonly leadTo: (port: number) => void
  /** How long each piece of a reply is held back, ms. */
  delayMs: number
  /** Of the next reply only this many bytes come through on each connection, which then ends; `null`: all. */
  cutAfterBytes: number | null
}

export async function startProxy (t: Test, port: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let target = port
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}).on('close', () => { client.destroy(); upstream.destroy() }))
    client.pipe(upstream)
    upstream.on('data', (chunk: Buffer) => {
      const { delayMs, cutAfterBytes } = proxy
      if (cutAfterBytes !== null) client.end(chunk.subarray(0, cutAfterBytes))
      else if (delayMs > 0) setTimeout(() => client.write(chunk), delayMs)
      else client.write(chunk)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const end = () => { for (const socket of sockets) socket.destroy() }
  t.teardown(() => { end(); server.close() })
  const proxy: Proxy = {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo: (port) => { target = port; end() },
    delayMs: 0,
    cutAfterBytes: null,
  }
  return proxy
}
