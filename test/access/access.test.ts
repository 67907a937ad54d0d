import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createAccess } from '../../src/access/access.js'
import { readConfig } from '../../src/config/config.js'
import { sha256 } from '../../src/access/tokens.js'
import { losslessOutcome } from '../certify.js'
import { build, temporaryFolder, until } from '../helper.js'
import { bearer, tokenList, tokenOf } from '../token-fixtures.js'

/** A log that is kept, all of it. */
function keptLog () {
  const lines: string[] = []
  return { lines, log: pino({ level: 'trace' }, { write: (line: string) => { lines.push(line) } }) }
}

/** The tokens of a file, which is read again every 10 ms. */
async function accessByFile (t: Test, file: string) {
  const { lines, log } = keptLog()
  const access = createAccess(readConfig({ ACCESS_TOKENS_FILE: file, POLL_SECONDS: '0.01' }), log)
  t.teardown(access.close)
  const has = (name: string) => access.identify(`Bearer ${tokenOf(name)}`)?.name === name
  return { access, has, lines }
}

t.test('tokens of a list are recognised, and without any the service is open', async (t) => {
  const open = createAccess(readConfig({}), pino({ level: 'silent' }))
  t.match(open, { isOpen: true })
  t.equal(open.identify(`Bearer ${tokenOf('a')}`), null)
  const access = createAccess(readConfig({ ACCESS_TOKENS: tokenList({ a: 'worker' }) }), pino({ level: 'silent' }))
  t.equal(access.isOpen, false)
  t.match(access.identify(`Bearer ${tokenOf('a')}`), { name: 'a', role: 'worker', prefix: null })
  t.equal(access.identify(undefined), null)
})

t.test('an open service on a public address is logged as a warning', async (t) => {
  const { lines, log } = keptLog()
  createAccess(readConfig({ ALLOW_ANONYMOUS: 'true' }), log)
  t.equal(lines.length, 0, 'on loopback there is nothing to tell')
  createAccess(readConfig({ ALLOW_ANONYMOUS: 'true', HOST: '0.0.0.0' }), log)
  t.match(lines[0], /any client that reaches this address may call every route/)
})

t.test('a changed token file takes effect without a restart', async (t) => {
  const file = join(await temporaryFolder(t), 'tokens.json')
  await writeFile(file, tokenList({ old: 'worker' }))
  const { has, lines } = await accessByFile(t, file)
  t.ok(has('old'))
  await writeFile(file, tokenList({ old: 'worker', new: 'worker' }))
  await until('the new one is known', () => has('new'))
  t.ok(has('old'), 'the old one still is')
  await writeFile(file, tokenList({ new: 'worker' }))
  await until('the old one is not', () => !has('old'))
  t.ok(has('new'))
  t.match(lines.at(-1), /"tokens":\["new"\].*are in force/)
})

t.test('a token keeps the state of an unchanged quota, and starts a changed one in full', async (t) => {
  const file = join(await temporaryFolder(t), 'tokens.json')
  const limit = (outcomes_per_hour: number) => ({ outcomes_per_hour, requests_per_second: 5 })
  await writeFile(file, tokenList({ a: 'worker', b: 'worker' }, { a: limit(10), b: limit(10) }))
  const { access, has } = await accessByFile(t, file)
  const take = (name: string, count: number) => access.identify(`Bearer ${tokenOf(name)}`)!.outcomes!.take(count, 0)
  t.same([take('a', 9), take('b', 9)], [0, 0])
  await replaceFile(file, tokenList({ a: 'worker', b: 'worker', c: 'worker' }, { a: limit(10), b: limit(20), c: limit(10) }))
  await until('the third is known', () => has('c'))
  t.ok(take('a', 2) > 0)
  t.equal(take('a', 1), 0)
  t.equal(take('b', 20), 0)
  t.equal(access.identify(`Bearer ${tokenOf('b')}`)!.requests!.amount, 5)
})

t.test('a mounted secret that changes by its link is read again', async (t) => {
  const folder = await temporaryFolder(t)
  // As Kubernetes lays it out: tokens.json -> ..data/tokens.json, ..data -> a folder by its time.
  for (const name of ['first', 'second']) {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'tokens.json'), tokenList({ [name]: 'worker' }))
  }
  await symlink('first', join(folder, '..data'))
  await symlink('..data/tokens.json', join(folder, 'tokens.json'))
  const { has } = await accessByFile(t, join(folder, 'tokens.json'))
  t.ok(has('first'))
  await symlink('second', join(folder, '..data_tmp'))
  await rename(join(folder, '..data_tmp'), join(folder, '..data'))
  await rm(join(folder, 'first'), { recursive: true })
  await until('the second is in force', () => has('second'))
  t.notOk(has('first'))
})

/** At once, as a deployment does it: a poll in between must not find half of it. */
async function replaceFile (file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}

t.test('an invalid token file changes nothing and is logged once', async (t) => {
  const file = join(await temporaryFolder(t), 'tokens.json')
  await replaceFile(file, tokenList({ a: 'worker' }))
  const { access, has, lines } = await accessByFile(t, file)
  for (const [text, why] of [['[{"name":', /is not valid JSON/], ['', /is not valid JSON/], ['[]', /is an empty list/], [`[{"name":"${tokenOf('b')}"}]`, /\[0\]\.name|role/]] as const) {
    await replaceFile(file, text)
    await until(`${text} is refused`, () => why.test(access.problem() ?? ''))
    t.ok(has('a'), 'the previous tokens stay valid')
  }
  await rm(file)
  await until('it is gone', () => /cannot be read \(ENOENT\)/.test(access.problem() ?? ''))
  t.ok(has('a'))
  const problems = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 50)
  t.equal(new Set(problems.map(({ reason }) => reason)).size, problems.length, 'each problem is logged once')
  t.notMatch(lines.join(), /secret-of/)
  await replaceFile(file, tokenList({ b: 'worker' }))
  await until('a good one is in force', () => has('b'))
  t.equal(access.problem(), null)
})

t.test('/readyz warns of an invalid token file', async (t) => {
  const file = join(await temporaryFolder(t), 'tokens.json')
  await replaceFile(file, tokenList({ a: 'worker' }))
  const { send } = await build(t, { ACCESS_TOKENS_FILE: file, POLL_SECONDS: '0.01' })
  t.same((await send('GET', '/readyz')).body.warnings, [])
  await replaceFile(file, 'broken')
  const [warning] = await until('it warns', async () => { const { warnings } = (await send('GET', '/readyz')).body; return warnings.length > 0 && warnings })
  t.match(warning, /the previous ones are\. ACCESS_TOKENS_FILE is not valid JSON/)
})

t.test('invalid tokens end the start with the name of the setting and are not shown', async (t) => {
  const file = join(await temporaryFolder(t), 'tokens.json')
  await replaceFile(file, '')
  const start = (env: NodeJS.ProcessEnv) => createAccess(readConfig(env), pino({ level: 'silent' }))
  const rejects = (env: NodeJS.ProcessEnv, message: RegExp) => {
    t.throws(() => start(env), { name: 'ConfigError', message })
    try { start(env) } catch (error) { t.notMatch((error as Error).message, /secret-of/) }
  }
  rejects({ ACCESS_TOKENS: tokenOf('a') }, /^ACCESS_TOKENS is not valid JSON/)
  rejects({ ACCESS_TOKENS: '[]' }, /^ACCESS_TOKENS is an empty list/)
  rejects({ ACCESS_TOKENS_FILE: file }, /^ACCESS_TOKENS_FILE is not valid JSON/)
  rejects({ ACCESS_TOKENS_FILE: join(file, tokenOf('a')) }, /^ACCESS_TOKENS_FILE cannot be read \(ENOTDIR\)/)
})

t.test('logs, errors and metrics contain no secret', async (t) => {
  const { lines, log } = keptLog()
  const names = ['w', 'o', 'bound', 'stranger']
  const { send, store } = await build(t, { ACCESS_TOKENS: tokenList({ w: 'worker', o: 'operator', bound: 'worker model=q' }) }, log)
  Object.defineProperty(store, 'history', { value: () => Promise.reject(new Error('a defect')) })
  const seen: unknown[] = []
  for (const name of names) {
    seen.push(await send('POST', '/v1/decisions', { tokens: 1, confidence: 1 }, bearer(name)))
    seen.push(await send('POST', '/v1/decisions', { tokens: -1, confidence: 1 }, bearer(name)))
    seen.push(await send('POST', '/v1/outcomes', losslessOutcome(name), bearer(name)))
    seen.push(await send('GET', '/v1/model', undefined, bearer(name)))
    seen.push(await send('GET', '/v1/model/history', undefined, bearer(name)))
    seen.push(await send('GET', '/nowhere', undefined, bearer(name)))
  }
  seen.push(await send('GET', '/metrics', undefined, bearer('o')))
  const statuses = new Set(seen.map((reply) => (reply as { status: number }).status))
  for (const status of [200, 202, 400, 401, 403, 404, 500]) t.ok(statuses.has(status), `there was a ${status}`)
  const text = JSON.stringify(seen) + lines.join('')
  t.match(text, /"token":"bound"/, 'the name is there')
  t.match(lines.join(''), /a defect/)
  for (const name of names) t.notOk(text.includes(tokenOf(name)) || text.includes(sha256(tokenOf(name))), name)
  t.notMatch(text, /secret-of/)
})
