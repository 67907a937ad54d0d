import t from 'tap'
import { VERDICTS } from '../../../src/core/training/run.js'

t.test('every verdict states its test with its numbers', async (t) => {
  t.same(Object.keys(VERDICTS), ['overthinking', 'tokens_collapsed', 'length_hacking', 'truncation', 'same_level', 'plateau', 'costly_shortening'])
  for (const [name, tests] of Object.entries(VERDICTS)) t.match(tests, /\d|fifth/, name)
})
