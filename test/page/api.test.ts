import t from 'tap'
import { createApi, readEventStream } from '../../src/page/api.js'

function recorded (reply: Response) {
  const calls: Array<{ path: string, init: RequestInit }> = []
  let refused = 0
  const api = createApi({
    fetch: async (path, init) => { calls.push({ path: String(path), init: init! }); return reply },
    token: () => 'secret',
    onRefused: () => { refused++ },
  })
  return { api, calls, refused: () => refused }
}

t.test('calls carry the token and JSON', async (t) => {
  const { api, calls } = recorded(Response.json({ a: 1 }))
  t.same(await api.call('PATCH', 'v1/x', { b: 2 }), { a: 1 })
  t.match(calls, [{ path: 'v1/x', init: { method: 'PATCH', body: '{"b":2}', headers: { authorization: 'Bearer secret', 'content-type': 'application/json' } } }])
  t.equal(await recorded(new Response(null, { status: 204 })).api.call('DELETE', 'v1/x'), null)
})

t.test('an error has the code and the message of the service, and 401 asks for a token', async (t) => {
  const forbidden = recorded(Response.json({ code: 'FORBIDDEN', message: 'no' }, { status: 403 }))
  await t.rejects(forbidden.api.call('GET', 'v1/x'), { status: 403, code: 'FORBIDDEN', message: 'no' })
  t.equal(forbidden.refused(), 0)
  const unknown = recorded(new Response('proxy', { status: 401 }))
  await t.rejects(unknown.api.open('v1/x', new AbortController().signal), { status: 401, code: 'UNKNOWN', message: 'The service answered 401.' })
  t.equal(unknown.refused(), 1)
})

t.test('events are read across pieces, and comments are left out', async (t) => {
  const texts = ['event: hello\nda', 'ta: {"a":1}\n\n: alive\n\nevent: change\ndata: {"b":"\u00fc', '"}\n\n']
  const pieces = texts.map((text) => new TextEncoder().encode(text))
  const events: unknown[] = []
  const body = new ReadableStream({ start (out) { for (const piece of pieces) out.enqueue(piece); out.close() } })
  await readEventStream(body, (event) => { events.push(event) })
  t.match(events, [{ event: 'hello', data: '{"a":1}' }, { event: 'change', data: '{"b":"ü"}' }])
})
