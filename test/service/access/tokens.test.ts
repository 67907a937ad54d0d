import fc from 'fast-check'
import t from 'tap'
import { findToken, isName, parseTokens, Quota, sha256 } from '../../../src/service/access/tokens.js'
import { tokenList, tokenOf } from '../../token-fixtures.js'

t.test('a full burst passes, and then as much as is refilled', async (t) => {
  const allowance = new Quota(10, 1000)
  t.equal(allowance.take(10, 5), 0, 'a burst')
  t.equal(allowance.take(1, 5), 100, 'the ms until one is back')
  t.ok(allowance.take(1, 104) > 0)
  t.equal(allowance.take(1, 105), 0)
  t.equal(allowance.take(3, 205), 200, 'all or nothing')
  t.equal(allowance.take(1, 205), 0)
  t.equal(allowance.take(11, 1e9), Infinity, 'so many never fit')
  t.equal(allowance.take(10, 1e9), 0, 'however long it rested, no more than all')
  t.equal(allowance.take(1, 1e9), 100)
  allowance.giveBack(4)
  t.equal(allowance.take(4, 1e9), 0)
  allowance.giveBack(1000)
  t.equal(allowance.take(11, 1e9), Infinity)
})

t.test('an amount below one for each window allows one now and then', async (t) => {
  const allowance = new Quota(0.5, 1000)
  t.equal(allowance.take(1, 0), 0)
  t.equal(allowance.take(1, 1000), 1000)
  t.equal(allowance.take(1, 2000), 0)
})

t.test('no period allows more than the amount and its refill', async (t) => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 6 })), { maxLength: 60 })
  fc.assert(fc.property(steps, (steps) => {
    const allowance = new Quota(5, 1000)
    let [now, taken] = [0, 0]
    for (const [ms, wanted] of steps) {
      now += ms
      if (allowance.take(wanted, now) === 0) taken += wanted
      if (taken > 5 + now * 5 / 1000 + 1e-9) return false
    }
    return true
  }), { seed: 7 })
})

const secret = 'stopgate_SECRET'
const good = { name: 'ci', role: 'worker', sha256: sha256(secret) }
const parse = (list: unknown) => parseTokens('ACCESS_TOKENS', typeof list === 'string' ? list : JSON.stringify(list), ['model', 'task'])

t.test('a valid list is parsed', async (t) => {
  const digest = Buffer.from(sha256(secret))
  t.strictSame(parse([good]), [{ name: 'ci', role: 'worker', digest, prefix: null, requests: null, outcomes: null }])
  t.match(parse([{ ...good, prefix: 'model=q' }]), [{ prefix: 'model=q' }])
  t.match(parse([{ ...good, prefix: '*' }]), [{ prefix: null }], 'all below the root is everything')
  const [limited] = parse([{ ...good, requests_per_second: 2, outcomes_per_hour: 3600 }])
  t.equal(limited!.requests!.take(3, 0), Infinity)
  t.equal(limited!.requests!.take(2, 0), 0)
  t.equal(limited!.outcomes!.take(3600, 0), 0)
  t.equal(limited!.outcomes!.take(1, 0), 1000)
})

t.test('an invalid list is refused with the place, without quoting it', async (t) => {
  const bad: [unknown, RegExp][] = [
    [secret, /^ACCESS_TOKENS is not valid JSON: use the form \[/],
    [JSON.stringify(secret), /^ACCESS_TOKENS is not a list/],
    [{ [secret]: 'worker' }, /^ACCESS_TOKENS is not a list/],
    [[], /^ACCESS_TOKENS is an empty list/],
    [[good, secret], /^ACCESS_TOKENS\[1\] is not an object/],
    [[null], /^ACCESS_TOKENS\[0\] is not an object/],
    [[[good]], /^ACCESS_TOKENS\[0\] is not an object/],
    [[{ ...good, [secret]: 1 }], /^ACCESS_TOKENS\[0\] has an unknown field; the fields are name, role, sha256, prefix, /],
    [[{ ...good, name: `${secret} ` }], /^ACCESS_TOKENS\[0\]\.name: a name has 1 to 64/],
    [[{ ...good, name: 'anonymous' }], /^ACCESS_TOKENS\[0\]\.name: .*is not reserved \(anonymous/],
    [[{ ...good, role: secret }], /^ACCESS_TOKENS\[0\]\.role must be one of worker, trainer, operator, metrics/],
    [[{ ...good, role: 'constructor' }], /\.role/],
    [[{ ...good, sha256: secret }], /^ACCESS_TOKENS\[0\]\.sha256 must be the SHA-256 of the token/],
    [[{ ...good, sha256: good.sha256.toUpperCase() }], /\.sha256 .*lower case/],
    [[{ ...good, sha256: `${good.sha256}\n` }], /\.sha256/],
    [[{ name: 'ci', role: 'worker' }], /\.sha256/],
    [[{ ...good, prefix: secret }], /^ACCESS_TOKENS\[0\]\.prefix must be a context key of the levels model, task/],
    [[{ ...good, prefix: 'task=x' }], /\.prefix/],
    [[{ ...good, prefix: '' }], /\.prefix/],
    [[{ ...good, prefix: null }], /\.prefix/],
    [[{ ...good, role: 'metrics', prefix: 'model=q' }], /\.prefix cannot be set for the role metrics/],
    ...[0, -1, '5', null, 1e13].map((requests_per_second): [unknown, RegExp] =>
      [[{ ...good, requests_per_second }], /^ACCESS_TOKENS\[0\]\.requests_per_second must be a number above 0/]),
    [[{ ...good, outcomes_per_hour: true }], /^ACCESS_TOKENS\[0\]\.outcomes_per_hour must be a number above 0/],
    [[good, { ...good, sha256: sha256('other') }], /^ACCESS_TOKENS\[1\]\.name is used by another token too/],
    [[good, { ...good, name: 'other' }], /^ACCESS_TOKENS\[1\]\.sha256 is used by another token too/],
  ]
  for (const [list, message] of bad) {
    try {
      parse(list)
      t.fail(`taken: ${JSON.stringify(list)}`)
    } catch (error) {
      t.match(error, { name: 'ConfigError', message })
      t.notMatch((error as Error).message, /SECRET/)
      t.notMatch((error as Error).message, good.sha256)
    }
  }
})

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
