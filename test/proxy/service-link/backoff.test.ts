import t from 'tap'
import { Backoff } from '../../../src/proxy/service-link/backoff.js'

t.test('a wait ends when the signal aborts', async (t) => {
  const ending = new AbortController()
  const waiting = new Backoff(1e6, 1e6).wait(ending.signal)
  ending.abort()
  await waiting
  const backoff = new Backoff(1, 2)
  for (let i = 0; i < 3; i++) await backoff.wait(new AbortController().signal)
  backoff.reset()
  t.pass('short waits end')
})
