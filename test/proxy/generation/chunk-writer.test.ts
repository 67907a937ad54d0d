import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { chunkWriter, sendAtOnce, type WriteChunk } from '../../../src/proxy/generation/chunk-writer.js'

async function serve (t: Test, answer: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<number> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close().closeAllConnections() })
  return (server.address() as AddressInfo).port
}

/** What comes back from a request line for each, written at once, until the server ends the connection. */
async function rawReply (port: number, ...requests: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  socket.end(requests.map((request) => `${request}\r\nhost: a\r\n\r\n`).join(''))
  let text = ''
  for await (const piece of socket) text += piece
  return text
}
const bodyOf = (reply: string) => reply.slice(reply.indexOf('\r\n\r\n') + 4)

t.test('chunks are framed by their bytes, and the last one ends the body', async (t) => {
  const port = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const write = chunkWriter(response)
    write('ascii')
    write('größer €')
    write('end', true)
  })
  t.equal(await (await fetch(`http://127.0.0.1:${port}`)).text(), 'asciigrößer €end')
  t.equal(bodyOf(await rawReply(port, 'GET / HTTP/1.1')), '5\r\nascii\r\nc\r\ngrößer €\r\n3\r\nend\r\n0\r\n\r\n')
  t.equal(bodyOf(await rawReply(port, 'GET / HTTP/1.0')), 'asciigrößer €end', 'HTTP/1.0 has no chunks')
})

t.test('chunks that are written together are one system call, before it returns', async (t) => {
  const port = await serve(t, (_, response) => {
    response.writeHead(200)
    const write = chunkWriter(response)
    const { _handle: handle } = response.socket as unknown as { _handle: Record<string, (...given: unknown[]) => unknown> }
    let calls = 0
    for (const name of ['writev', 'writeBuffer', 'writeUtf8String', 'writeLatin1String']) {
      const original = handle[name]!
      handle[name] = function (...given) {
        calls++
        return original.apply(this, given)
      }
    }
    const callsOf = (...texts: readonly string[]) => {
      calls = 0
      sendAtOnce(response, () => { for (const text of texts) write(text) })
      return calls
    }
    t.equal(callsOf('head and first'), 1)
    t.equal(callsOf('one'), 1)
    t.equal(callsOf('one', 'two', 'drei €'), 1)
    write('end', true)
  })
  t.match(await rawReply(port, 'GET / HTTP/1.1'), /\r\nhead and first\r\n.*\r\ndrei €\r\n3\r\nend\r\n0\r\n\r\n$/s)
})

t.test('headers keep their bytes, whatever the first chunk is', async (t) => {
  const port = await serve(t, (_, response) => {
    response.writeHead(200, ['x-engine', 'caf\xe9'])
    chunkWriter(response)('größer', true)
  })
  t.equal((await fetch(`http://127.0.0.1:${port}`)).headers.get('x-engine'), 'caf\xe9')
})

t.test('requests that come together are answered in their order', async (t) => {
  const writers = new Map<string, WriteChunk>()
  const port = await serve(t, async ({ url }, response) => {
    response.writeHead(200)
    writers.set(url!, chunkWriter(response))
    if (writers.size < 2) return
    writers.get('/2')!('second ')
    await setImmediate()
    writers.get('/1')!('first', true)
    writers.get('/2')!('still second', true)
  })
  const reply = await rawReply(port, 'GET /1 HTTP/1.1', 'GET /2 HTTP/1.1')
  t.match(reply, /5\r\nfirst\r\n0\r\n\r\nHTTP\/1\.1 200 OK\r\n.*7\r\nsecond \r\nc\r\nstill second\r\n0\r\n\r\n$/s)
})
