import t from 'tap'
import { build } from './helper.js'

const headers = { 'content-type': 'application/json' }

t.test('a field that would be a prototype is refused in place, and does no harm', async (t) => {
  const { app } = await build(t)
  const send = async (url: string, payload: string) => {
    const reply = await app.inject({ method: 'POST', url, headers, payload })
    return { status: reply.statusCode, body: reply.json() }
  }
  t.match(await send('/v1/decisions', '{"tokens":1,"confidence":1,"__proto__":{"arm":"control"}}'), { status: 400, body: { details: [{ path: '/__proto__', message: /not a known field/ }] } })
  t.match(await send('/v1/decisions', '{"tokens":1,"confidence":1,"context":{"__proto__":"x"}}'), { status: 400, body: { code: 'UNKNOWN_CONTEXT_LEVEL' } })
  t.match(await send('/v1/decisions', '{"tokens":1,"confidence":1,"generation_id":"g","signals":{"__proto__":1}}'), { status: 400, body: { details: [{ path: '/signals', message: /not allowed/ }] } })
  t.match(await send('/v1/decisions', '{"tokens":1,"confidence":1,"generation_id":"g","signals":{"constructor":2}}'), { status: 200 })
  t.match(await send('/v1/decisions/batch', '{"steps":[{"context":{"__proto__":"x"},"tokens":1,"confidence":1,"generation_id":"g","arm":"control"}]}'), {
    status: 200, body: { decisions: [{ error: { path: '/context/__proto__' } }] },
  })
  t.match(await send('/v1/decisions/batch', '{"steps":[{"tokens":1,"confidence":1,"generation_id":"g","arm":"control","signals":{"__proto__":1}}]}'), { status: 200, body: { decisions: [{ error: {} }] } })
  t.equal(({} as { arm?: string }).arm, undefined)
  t.match(await send('/v1/outcomes', '{"generation_id":"g","tokens":1,"__proto__":{}}'), { status: 400 }, 'elsewhere they are looked for')
})

t.test('invalid JSON gets the same error as on other routes', async (t) => {
  const { app } = await build(t)
  for (const payload of ['', '{', '{"tokens":NaN}']) {
    const reply = await app.inject({ method: 'POST', url: '/v1/decisions', headers, payload })
    t.match(reply.json(), { statusCode: 400, message: payload === '' ? /The body is empty/ : /The body is not valid JSON/ })
  }
})
