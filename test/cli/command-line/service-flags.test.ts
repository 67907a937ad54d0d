import t from 'tap'
import { readServiceFlags } from '../../../src/cli/command-line/service-flags.js'

t.test('the token comes from the flag, else from the environment', async (t) => {
  t.same(readServiceFlags({ url: 'http://h:1' }, {}), { url: 'http://h:1', token: undefined })
  t.match(readServiceFlags({ url: 'https://h' }, { STOPGATE_TOKEN: 'e' }), { token: 'e' })
  t.match(readServiceFlags({ url: 'https://h', token: 't' }, { STOPGATE_TOKEN: 'e' }), { token: 't' })
  t.throws(() => readServiceFlags({ url: 'h:1' }, {}), { name: 'UsageError', message: /--url must be/ })
  t.throws(() => readServiceFlags({ url: 'http://h', token: 'a secret' }, {}), { name: 'UsageError', message: /^(?!.*secret).*neither spaces/ })
})
