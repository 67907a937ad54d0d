import t from 'tap'
import { fitText, HeaderError, readStopgateHeaders } from '../../../src/proxy/protocol/stopgate-headers.js'

t.test('values are percent-decoded and bounded', async (t) => {
  t.match(readStopgateHeaders({ 'x-stopgate': 'OFF', 'x-stopgate-context': 'task=a%2Cb, lang=en', 'x-stopgate-gold': '%E2%82%AC' }), {
    isOff: true, context: { task: 'a,b', lang: 'en' }, gold: '€', group: null, samples: null,
  })
  t.match(readStopgateHeaders({}), { isOff: false, context: {} })
  for (const headers of [
    { 'x-stopgate-context': 'task' }, { 'x-stopgate-context': 'task=' }, { 'x-stopgate-context': `task=${'x'.repeat(129)}` },
    { 'x-stopgate-context': 'x'.repeat(10_000) }, { 'x-stopgate-gold': '%E2' }, { 'x-stopgate-gold': 'x'.repeat(4097) },
    { 'x-stopgate-samples': '0' }, { 'x-stopgate-samples': '4097' }, { 'x-stopgate-samples': '1e3' }, { 'x-stopgate-group': 'x'.repeat(129) },
    { 'x-stopgate-group': '%EF%BF%BD' }, { 'x-stopgate-context': 'task=%EF%BF%BD' },
    { 'x-stopgate-group': '%00a' }, { 'x-stopgate-context': 'task=%00' },
  ]) t.throws(() => readStopgateHeaders(headers), HeaderError, JSON.stringify(headers).slice(0, 60))
})

t.test('a text that is too long is shortened, and stays different from others', async (t) => {
  t.equal(fitText('short', 128), 'short')
  t.ok(Buffer.byteLength(fitText('€'.repeat(1000), 128)) <= 128)
  t.not(fitText('x'.repeat(200) + 'a', 128), fitText('x'.repeat(200) + 'b', 128), 'only equals stay equal')
  t.equal(fitText('a\ud800', 128), 'a\ufffd')
})
