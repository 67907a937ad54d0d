import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { build } from '../../helper.js'

// Somebody without a token asks for files that the service does not serve.

const UP = ['..', '%2e%2e', '.%2e', '..%2f..', '%252e%252e', '..%5c..', '..\\..', '....//..', '%c0%ae%c0%ae', '..%00', '..;']
const FOLDERS = ['/', '/ui/', '/docs/', '/docs/static/', '/docs/static/assets/', '/v1/']
const FILES = ['etc/passwd', 'package.json', 'openapi/vectors.json', 'data.mdb']

t.test('no path leads to a file beside those of the page and the documentation', async (t) => {
  const { app } = await build(t)
  const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const targets = FOLDERS.flatMap((folder) => FILES.flatMap((file) => [
    `${folder}/${file}`, `${folder}%2f${file}`, ...UP.flatMap((up) => [1, 3, 8].map((count) => `${folder}${`${up}/`.repeat(count)}${file}`)),
  ]))
  const served: string[] = []
  for (let i = 0; i < targets.length; i += 16) {
    await Promise.all(targets.slice(i, i + 16).map(async (target) => {
      const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
      socket.write(`GET ${target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
      const reply = await text(socket)
      if (!/^HTTP\/1.1 (400|401|403|404) /.test(reply) || /root:|"scripts"|"vectors"/.test(reply)) served.push(`${target}: ${reply.slice(0, 60)}`)
    }))
  }
  t.same(served, [])
})
