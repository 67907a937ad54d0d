import t from 'tap'
import { run } from '../../src/cli/token.js'
import { build } from '../helper.js'
import { captureIo } from './command-line/captured-io.js'

async function make (...words: string[]) {
  const io = captureIo()
  await run(words, io)
  const [token, item, ...rest] = io.out().split('\n')
  t.same(rest, [''], 'two lines')
  return { token: token!, item: item! }
}

t.test('the printed item admits the printed token by name and role', async (t) => {
  const { token, item } = await make('ci', 'operator')
  t.match(token, /^stopgate_[\w-]{43}$/, '256 bits')
  t.match(JSON.parse(item), { name: 'ci', role: 'operator', sha256: /^[0-9a-f]{64}$/ })
  t.notMatch(item, token)
  const { send } = await build(t, { ACCESS_TOKENS: `[${item}]` })
  t.equal((await send('GET', '/v1/snapshot', undefined, { authorization: `Bearer ${token}` })).status, 200)
  t.equal((await send('GET', '/v1/snapshot')).status, 401)
})

t.test('tokens and generated names are unique', async (t) => {
  const [a, b] = [await make(), await make()]
  t.not(a.token, b.token)
  t.match(JSON.parse(a.item), { role: 'worker', name: /^worker-[0-9a-f]{6}$/ })
  t.not(JSON.parse(a.item).name, JSON.parse(b.item).name)
})

t.test('a malformed command line is refused', async (t) => {
  const rejects = (words: string[], message: RegExp) => t.rejects(run(words, captureIo()), { name: 'UsageError', message })
  await rejects(['two words'], /a name has 1 to 64 letters/)
  await rejects(['ci', 'admin'], /the roles are worker, trainer, operator, metrics, not "admin"/)
  await rejects(['ci', 'worker', 'x'], /takes a NAME and a ROLE, but also got "x"/)
  await rejects(['--bytes', '1'], /--bytes/)
})
