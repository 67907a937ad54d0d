import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { chunkWriter, jsonReply, replyHeaders, sendAtOnce, streamReply, type WriteChunk } from '../../../src/proxy/generation/client-reply.js'

function responseOf () {
  const stream = Object.assign(new PassThrough(), { writeHead: () => stream })
  return { response: stream as any, text: () => String(stream.read() ?? '') }
}
const field = { generation_id: 'g', arm: 'treated', stopped: true, tokens: 3, threshold: 0.9, probe_tokens: 1, discarded_tokens: 0 }
const piece = (delta: object, finish: string | null = null) => ({
  tokens: 1,
  ids: null,
  reasoning: '',
  content: 'a',
  isClosing: false,
  finish,
  usage: null,
  isWithoutChoices: false,
  text: null,
  chunk: { id: 'x', choices: [{ delta, finish_reason: finish }] },
})
const chat = { route: 'chat', wantsUsage: false } as const

const IN_VLLM = { reasoningField: 'reasoning', emptyContent: null } as const

t.test('a stream that was stopped ends once, with the field', async (t) => {
  const { response, text } = responseOf()
  const reply = streamReply(chat, response, [])
  reply.pass(piece({ content: 'a' }), () => field)
  reply.write('b')
  t.equal(reply.drained(), null)
  reply.end('stop', null, field)
  const written = text()
  t.equal(written.match(/"finish_reason":"stop"/g)?.length, 1)
  t.match(written, /"delta":{"content":"b"}.*"stopgate":{"generation_id":"g".*\[DONE\]/s)
})

t.test('a chunk is passed on as the engine wrote it, unless the proxy has something to add or to take away', async (t) => {
  const written = ({ finish = null as string | null, usage }: { finish?: string | null, usage?: null } = {}) => {
    const { response, text } = responseOf()
    const one = piece({}, finish)
    streamReply(chat, response, []).pass({ ...one, chunk: { ...one.chunk, ...(usage === null && { usage }) }, text: '{"n": 1.0}' }, () => field)
    return text()
  }
  t.equal(written(), 'data: {"n": 1.0}\n\n')
  t.match(written({ finish: 'stop' }), /"stopgate":/)
  t.notMatch(written({ usage: null }), /n": 1.0|usage/)
})

t.test("an engine's error ends the stream, and a broken stream breaks off", async (t) => {
  const { response, text } = responseOf()
  streamReply(chat, response, []).fail({ error: 'e' })
  t.match(text(), /"error":"e"/)
  const other = responseOf()
  streamReply(chat, other.response, []).fail(null)
  t.ok(other.response.destroyed)
})

t.test('one reply has the text of all pieces', async (t) => {
  const { response, text } = responseOf()
  const reply = jsonReply({ route: 'completions' }, response, [], IN_VLLM)
  reply.pass(piece({}, 'stop'), () => field)
  reply.write('b')
  reply.end(null, null, field)
  t.match(JSON.parse(text()), { object: 'text_completion', choices: [{ text: 'ab', finish_reason: 'stop' }], stopgate: field })
  const failed = responseOf()
  jsonReply(chat, failed.response, [], IN_VLLM).fail({ error: 'e' })
  t.match(failed.text(), /"error":"e"/)
  t.match(replyHeaders(['A', 'b'], 'id', 'text/plain'), ['A', 'b', 'content-type', 'text/plain', 'x-stopgate-generation', 'id'])
})

t.test('one reply shows nothing behind a cut but the rest of a piece, and a stream goes on as it is', async (t) => {
  const { response, text } = responseOf()
  const reply = jsonReply(chat, response, [], IN_VLLM)
  for (const [reasoning, content, tokens] of [['', '<', 1], ['ab', '', 2], ['', '', 0], ['cd', '-', 2], ['e', '+', 1]] as const) {
    reply.pass({ ...piece({}), reasoning, content, tokens }, () => field)
  }
  reply.cut(4)
  reply.write('42')
  reply.end('stop', null, field)
  t.match(JSON.parse(text()), { choices: [{ message: { reasoning: 'abcd', content: '<-42' } }] })
  const stream = responseOf()
  const streamed = streamReply(chat, stream.response, [])
  streamed.cut(4)
  t.equal(stream.text(), '')
})

t.test('a slow client is waited for, without a listener left behind', async (t) => {
  const { response } = responseOf()
  const reply = streamReply(chat, response, [])
  for (let i = 0; i < 20; i++) {
    do reply.write('x'.repeat(10_000)); while (!response.writableNeedDrain)
    const waiting = reply.drained()
    response.resume()
    await waiting
    response.pause()
  }
  t.ok(response.listenerCount('close') < 5)
})

async function serve (t: Test, answer: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<number> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close().closeAllConnections() })
  return (server.address() as AddressInfo).port
}

/** The replies to one request line for each, written at once, until the server ends the connection. */
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
