import t from 'tap'
import { parseTokens } from '../../src/access/token-list.js'
import { sha256 } from '../../src/access/tokens.js'

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
