import { PassThrough } from 'node:stream'
import t from 'tap'
import type { Asked } from '../../../src/proxy/asked.js'
import { headersOf, jsonReply, streamReply } from '../../../src/proxy/generation/client-reply.js'

function responseOf () {
  const stream = Object.assign(new PassThrough(), { writeHead: () => stream })
  return { response: stream as any, text: () => String(stream.read() ?? '') }
}
const field = { generation_id: 'g', arm: 'treated', stopped: true, tokens: 3, threshold: 0.9, probe_tokens: 1, tokens_saved: null }
const piece = (delta: object, finish: string | null = null) => ({
  tokens: 1,
  ids: null,
  reasoning: '',
  content: 'a',
  isClosing: false,
  finish,
  usage: null,
  chunk: { id: 'x', choices: [{ delta, finish_reason: finish }] },
})
const chat = { route: 'chat', wantsUsage: false } as Asked

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
  const reply = jsonReply({ route: 'completions' } as Asked, response, [], 'reasoning')
  reply.pass(piece({}, 'stop'), () => field)
  reply.write('b')
  reply.end(null, null, field)
  t.match(JSON.parse(text()), { object: 'text_completion', choices: [{ text: 'ab', finish_reason: 'stop' }], stopgate: field })
  const failed = responseOf()
  jsonReply(chat, failed.response, [], 'reasoning').fail({ error: 'e' })
  t.match(failed.text(), /"error":"e"/)
  t.match(headersOf(['A', 'b'], 'id', 'text/plain'), ['A', 'b', 'content-type', 'text/plain', 'x-stopgate-generation', 'id'])
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
