import t from 'tap'
import { createHostCheck } from '../../src/http/host-check.js'

t.test('the names of this machine are allowed, and those that are stated', async (t) => {
  const { isHostAllowed } = createHostCheck(['stopgate.internal'])
  for (const host of ['localhost:8080', 'LOCALHOST', '127.0.0.1:1', '[::1]:8080', 'localhost.', 'Stopgate.Internal:443', undefined]) {
    t.ok(isHostAllowed(host), String(host))
  }
  for (const host of ['evil.example:8080', 'evil.example', '10.0.0.1', '', 'localhost:8080@evil.example', 'stopgate.internal.evil.example']) {
    t.notOk(isHostAllowed(host), host)
  }
  t.ok(createHostCheck(null).isHostAllowed('evil.example'))
})

t.test('a page may make changes if it comes from the same host, or from a stated one', async (t) => {
  const { isOriginAllowed } = createHostCheck(['stopgate.internal'])
  t.ok(isOriginAllowed(undefined, 'localhost:8080'))
  t.ok(isOriginAllowed('http://localhost:8080', 'localhost:8080'))
  t.ok(isOriginAllowed('https://stopgate.internal', '10.0.0.1:8080'), 'a reverse proxy may replace Host')
  for (const origin of ['http://evil.example', 'null', 'http://localhost:9999', '']) t.notOk(isOriginAllowed(origin, 'localhost:8080'), origin)
})
