import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { build } from '../helper.js'

const REQUEST = 'GET /livez HTTP/1.1\r\nhost: x\r\n\r\n'

t.test('a few pipelined requests are answered, and a thousand close the connection', async (t) => {
  const { app, metrics } = await build(t)
  await app.listen({ port: 0 })
  const { port } = app.server.address() as { port: number }
  let handled = 0
  app.server.on('request', (_request, reply) => { reply.once('finish', () => { handled++ }) })
  const client = connect(port, '127.0.0.1').setEncoding('utf8')
  t.teardown(() => { client.destroy() })
  const answers = async (count: number) => {
    let text = ''
    for await (const [chunk] of on(client)) if ((text += chunk).split('{"status":"ok"}').length > count) return
  }
  for (let i = 0; i < 3; i++) {
    client.write(REQUEST.repeat(32))
    await answers(32)
  }
  t.equal(handled, 96)
  client.on('error', () => {})
  client.write(REQUEST.repeat(1000))
  await once(client, 'close')
  t.ok(handled < 96 + 64, `${handled - 96} more were answered`)
  t.match(await metrics.render(), 'stopgate_connections_cut_total{cause="pipelined"} 1\n')
  t.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200, 'others are not')
})

const on = (client: ReturnType<typeof connect>) => ({
  async * [Symbol.asyncIterator] () { for (;;) yield await once(client, 'data') as [string] },
})
