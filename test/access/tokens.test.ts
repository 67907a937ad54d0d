import t from 'tap'
import { parseTokens } from '../../src/access/token-list.js'
import { findToken, isName, sha256 } from '../../src/access/tokens.js'
import { tokenList, tokenOf } from '../token-fixtures.js'

t.equal(sha256('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'FIPS 180-2, appendix B.1')

t.test('a token is found by its hash at any place of the list', async (t) => {
  const tokens = parseTokens('X', tokenList({ a: 'worker', b: 'operator', c: 'metrics' }), [])
  for (const [name, role] of [['a', 'worker'], ['b', 'operator'], ['c', 'metrics']] as const) t.match(findToken(tokens, tokenOf(name)), { name, role })
  for (const wrong of ['', tokenOf('d'), tokenOf('a').slice(1), tokenOf('a') + ' ', tokenOf('a').toUpperCase(), sha256(tokenOf('a'))]) {
    t.equal(findToken(tokens, wrong), null, JSON.stringify(wrong))
  }
  t.equal(findToken([], tokenOf('a')), null)
})

for (const name of ['ci', 'trainer-1', 'vllm-2026.11', '0', 'x'.repeat(64)]) t.ok(isName(name), name)
for (const name of ['', '-x', 'two words', 'line\nend', 'é', 'x'.repeat(65), 'anonymous', 'stopgate', 'Stopgate', 'trainer', 7]) t.notOk(isName(name), JSON.stringify(name))
