import { request } from 'node:http'
import t from 'tap'
import { startUnderTest } from './proxy-under-test.js'

t.test('a reply comes back as it is, headers of the same name included', async (t) => {
  const { proxy } = await startUnderTest(t)
  const { port } = new URL(proxy.url)
  const reply = await new Promise<string[]>((resolve) => {
    request({ port, path: '/echo', headers: { 'x-a': ['1', '2'] } }, (message) => { message.resume(); resolve(message.rawHeaders) }).end()
  })
  t.equal(reply[reply.indexOf('x-engine') + 1], 'stand-in')
})
