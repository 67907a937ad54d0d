import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { until } from '../../helper.js'
import { eventsOf, startUnderTest } from '../../proxy/proxy-under-test.js'

// A model that writes anything: tags, control characters, half surrogates, deep JSON, text that looks like the proxy's own.

const PARTS = [
  '<think>', '</think>', '<thi', 'nk>', '\n</think>\n\n', 'Final answer:', '\\boxed{', '}', '{"a":'.repeat(50), '['.repeat(300), '\u0000',
  '\ud83d', '\ude00', '\ufffd', 'data: [DONE]\n\n', '\r\n\r\n', '"stopgate":{"stopped":true}', '<|im_end|>', '\u2028', 'x'.repeat(2000), ' ',
  '9'.repeat(400), '__proto__', '</answer>', '\\n',
]

/** Numbers from 0 to 1, always the same. */
function seeded (seed: number): () => number {
  let state = seed
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31
}

const draw = (random: () => number, most: number) =>
  Array.from({ length: 1 + Math.floor(random() * most) }, () => PARTS[Math.floor(random() * PARTS.length)]!).join('')

for (const owner of ['vllm', 'llamacpp', 'sglang']) {
  t.test(`whatever a model of ${owner} writes, its reply comes to an end, and the next one is served`, async (t) => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = seeded(seed)
      const { ask, treated, metric, proxy } = await startUnderTest(t, {
        owner,
        reasoning: draw(random, 8),
        answer: draw(random, 6),
        confidence: () => random() * 3 - 1,
        chunkTokens: () => 1 + Math.floor(random() * 40),
        forcedAnswer: () => draw(random, 3),
      })
      for (const headers of [{}, treated]) {
        for (const stream of [true, false]) {
          for (const [path, body] of [
            ['/v1/chat/completions', { messages: [{ role: 'user', content: draw(random, 4) }] }], ['/v1/completions', { prompt: `${seed}<think>`, max_tokens: 9000 }],
          ] as const) {
            const reply = await ask({ model: 'm', stream, ...body }, headers, path, AbortSignal.timeout(120_000))
            const text = await reply.text()
            if (stream) t.doesNotThrow(() => eventsOf(text), `${owner} ${seed} ${path}`)
            else t.doesNotThrow(() => JSON.parse(text), `${owner} ${seed} ${path}`)
            t.equal(reply.status, 200)
          }
        }
      }
      t.equal(await metric('stopgate_proxy_requests_in_flight'), 0)
      await until('all is reported', async () => await metric('stopgate_proxy_reports_waiting') === 0)
      t.equal(await metric('stopgate_proxy_reports_refused'), 0, `${owner} ${seed}: the service accepts all outcomes`)
      await proxy.close()
    }
  })
}

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
const MODELS = '{"data":[{"id":"m","owned_by":"whoever"}]}'
const inChunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const part = (text: string, more = {}) => `data: ${JSON.stringify({ choices: [{ index: 0, text, finish_reason: null, ...more }] })}\n\n`
const LONG = 'x'.repeat(60_000)

/** Replies that never end: their beginning, and what follows for ever. */
const ENDLESS: Readonly<Record<string, readonly [begin: string, again: string]>> = {
  reasoning: [HEAD + inChunk(part('<think>')), inChunk(part(LONG))],
  'reasoning in small pieces': [HEAD + inChunk(part('<think>')), inChunk(part('x'.repeat(200)).repeat(200))],
  'an answer': [HEAD + inChunk(part('<think>a</think>')), inChunk(part(LONG))],
  'one event': [HEAD + inChunk('data: '), inChunk(LONG)],
  'one event of many lines': [HEAD, inChunk(`data: ${'x'.repeat(1000)}\n`.repeat(50))],
  headers: ['HTTP/1.1 200 OK\r\n', `x-a: ${'y'.repeat(1000)}\r\n`.repeat(50)],
}

/** A model server that sends what it likes. @param reply to each request for a generation */
async function startHostile (t: Test, reply: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {}).on('data', (data) => {
      const text = data.toString('latin1')
      if (text.startsWith('GET /v1/models')) socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${MODELS.length}\r\n\r\n${MODELS}`)
      else if (text.startsWith('POST')) reply(socket)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

for (const [name, [begin, again]] of Object.entries(ENDLESS)) {
  t.test(`${name} without an end: the reply is broken off, and the next request is served`, { timeout: 600_000 }, async (t) => {
    let isEndless = true
    const model = await startHostile(t, (socket) => {
      if (!isEndless) {
        socket.end(HEAD.replace('transfer-encoding: chunked', 'connection: close') + part('<think>a</think>b', { finish_reason: 'stop' }) + 'data: [DONE]\n\n')
        return
      }
      socket.write(begin)
      const goOn = () => { while (!socket.destroyed && socket.write(again)); }
      socket.on('drain', goOn)
      goOn()
    })
    const { ask, metric } = await startUnderTest(t, {}, { PROXY_UPSTREAM: model, PROXY_DIALECT: 'plain' })
    for (const stream of [true, false]) {
      // Tap's own limit would not say which reply went on.
      const signal = AbortSignal.timeout(240_000)
      const got = await ask({ model: 'm', prompt: 'q', max_tokens: 9000, stream }, {}, '/v1/completions', signal).then(async (reply) => {
        for await (const _ of reply.body!);
        return reply.status
      }).catch((error: Error) => error.name)
      t.not(got, 'TimeoutError', `${stream ? 'streamed' : 'whole'}: it ended with ${got}`)
    }
    await until('nothing is in flight', async () => await metric('stopgate_proxy_requests_in_flight') === 0)
    isEndless = false
    const reply = await ask({ model: 'm', prompt: 'q', max_tokens: 9000 }, {}, '/v1/completions')
    t.match(await reply.json(), { choices: [{ text: '<think>a</think>b' }] })
  })
}

t.test('redirects are passed on and never followed', async (t) => {
  const model = await startHostile(t, (socket) => { socket.end('HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/secret\r\ncontent-length: 0\r\n\r\n') })
  const { proxy } = await startUnderTest(t, {}, { PROXY_UPSTREAM: model, PROXY_DIALECT: 'plain' })
  const body = JSON.stringify({ model: 'm', prompt: 'q', max_tokens: 9000 })
  const reply = await fetch(`${proxy.url}/v1/completions`, { method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/json' }, body })
  t.match([reply.status, reply.headers.get('location')], [302, 'http://127.0.0.1:1/secret'])
})

t.test('requests reach the model server alone, and nothing beside the path of its address', async (t) => {
  const reached: string[] = []
  const gateway = createHttpServer((request, response) => {
    reached.push(request.url!)
    response.end(MODELS)
  }).listen(0, '127.0.0.1')
  t.teardown(() => { gateway.close() })
  await once(gateway, 'listening')
  const { proxy } = await startUnderTest(t, {}, { PROXY_UPSTREAM: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}/team-a` })
  const { port } = new URL(proxy.url)
  const statusOf = async (target: string) => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(`GET ${target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
    return Number(/(?<=^HTTP\/1.1 )\d+/.exec(await text(socket))?.[0])
  }
  for (const target of [
    '/../team-b/secret', '/v1/../../team-b/secret', '/%2e%2e/team-b/secret', '/.%2E/team-b/secret', '/..%2fteam-b/secret', '/v1\\..\\..\\team-b',
    '/..;/team-b/secret', '/v1/..', '*-b/secret', 'http://127.0.0.1:1/v1/%2e%2e%2f..%2fteam-b',
  ]) t.equal(await statusOf(target), 400, target)
  for (const target of ['//127.0.0.1:1/v1/models', '/v1/models@127.0.0.1:1', '/v1/a..b?x=../y', '/...']) t.equal(await statusOf(target), 404, target)
  for (const target of ['http://127.0.0.1:1/v1/models', 'http://user@127.0.0.1:1/v1/models', '/v1/models?x=../y']) {
    t.equal(await statusOf(target), 200, target)
  }
  t.ok(reached.length > 0)
  t.same(reached.filter((path) => !path.startsWith('/team-a/') || /team-b|secret/.test(path)), [])
})
