import t from 'tap'
import { believed, clientTrust } from '../../../src/proxy/protocol/client-trust.js'
import { readStopgateHeaders } from '../../../src/proxy/protocol/stopgate-headers.js'

t.test('patterns name the values of a level, percent-encoded, and * stands for any text', async (t) => {
  const { mayName } = clientTrust(false, 'task=gsm8k, task=math-*,lang=a%2Cb,job=a.b,x=100%')
  for (const [level, value, is] of [
    ['task', 'gsm8k', true], ['task', 'gsm8k2', false], ['task', 'math-', true], ['task', 'math-7\nx', true], ['lang', 'a,b', true],
    ['lang', 'gsm8k', false], ['job', 'a.b', true], ['job', 'axb', false], ['x', '100%', true],
  ] as const) t.equal(mayName(level, value), is, `${level}=${value}`)
  t.notOk(clientTrust(false, '').mayName('task', ''))
})

t.test('everything that a trusted client states is believed', async (t) => {
  const headers = readStopgateHeaders({ 'x-stopgate-gold': '42', 'x-stopgate-context': 'task=a' })
  t.same(believed(headers, clientTrust(true, '')), { headers, doubted: [] })
  t.match(believed(headers, clientTrust(false, 'task=a')), { headers: { gold: null, context: { task: 'a' } }, doubted: ['X-Stopgate-Gold'] })
})
