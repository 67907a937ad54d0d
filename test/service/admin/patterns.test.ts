import t from 'tap'
import { certify, KEY } from '../../certify.js'
import { build, until } from '../../helper.js'
import { ALL_CONTROL } from '../../quick-policy.js'
import { bearer, tokenList } from '../../token-fixtures.js'

const PATTERN = 'model=*,task=gsm8k'
const pathOf = (key: string, query = '') => `/v1/contexts/${encodeURIComponent(key)}/policy${query}`
const OPS = { by: 'ops', prefix: null, create: true }

t.test('a pattern is tried, set, shown, and undone like any other policy', async (t) => {
  const built = await build(t, ALL_CONTROL)
  const { send, snapshotHolder, contextCommands: commands } = built
  await certify(built)
  const decide = (model: string, task = 'gsm8k') => snapshotHolder.decideStep({ arm: 'treated', tokens: 32, confidence: 1, context: { model, task } }).decision.reason
  t.equal(decide('q'), 'score_at_threshold')

  const tried = (await send('PATCH', pathOf(PATTERN, '?dry_run=true'), { mode: 'off' })).body
  t.match(tried, { total: 1, changing: 1, contexts: [{ key: KEY, mode_before: 'enforce', mode_after: 'off' }] })
  t.equal(decide('q'), 'score_at_threshold', 'a dry run changes nothing')

  t.match((await send('PATCH', pathOf(PATTERN, '?reason=incident'), { mode: 'off' })).body, { key: PATTERN, policy: { mode: 'off' } })
  t.same([decide('q'), decide('unseen'), decide('q', 'other')], ['off', 'off', 'no_threshold'], 'known and unknown contexts alike')
  t.match((await send('GET', pathOf(KEY))).body, { policy: {}, effective: { mode: 'off' }, sources: { mode: PATTERN, min_tokens: null } })
  t.match((await send('GET', '/v1/audit')).body.commands[0], { key: PATTERN, reason: 'incident', policy: { mode: 'off' }, replaced: null })
  t.match((await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}/history`)).body.modes[0], { key: PATTERN, before: 'enforce', after: 'off' })

  await commands.setPolicy(KEY, { mode: 'shadow' }, OPS)
  t.same([decide('q'), decide('unseen')], ['shadow', 'off'], 'a named value goes before *')
  await commands.setPolicy(KEY, null, OPS)
  await send('DELETE', pathOf(PATTERN))
  t.same([decide('q'), decide('unseen')], ['score_at_threshold', 'no_threshold'])
})

t.test('the learner judges all matching contexts by a bound for one task', async (t) => {
  const built = await build(t, ALL_CONTROL)
  await certify(built)
  const threshold = async (key: string) => (await built.send('GET', `/v1/contexts/${encodeURIComponent(key)}`)).body.threshold
  t.type(await threshold(KEY), 'number')
  await built.send('PATCH', pathOf(PATTERN), { max_em_drop: 0.001 })
  await until('the learner has judged', async () => {
    const { changes } = (await built.send('GET', '/v1/history')).body
    const keys = changes.filter(({ cause }: { cause: string }) => cause === 'policy').map(({ key }: { key: string }) => key)
    return keys.includes(PATTERN) && keys.includes(KEY)
  })
  t.equal(await threshold(KEY), null, 'the evidence is too little for this bound')
})

t.test('a pattern that matches nothing known is refused, with the nearest that does', async (t) => {
  const built = await build(t, ALL_CONTROL)
  await certify(built)
  const { status, body } = await built.send('PATCH', pathOf('model=*,task=gms8k', '?create=false'), { mode: 'off' })
  t.match({ status, body }, { status: 404, body: { code: 'CONTEXT_NOT_FOUND', message: new RegExp(`nearest known: ${PATTERN.replace('*', '\\*')}`) } })
})

t.test('a mistyped pattern, and one where no policy is stated, get an error that says what to change', async (t) => {
  const { send } = await build(t)
  t.match(await send('PATCH', pathOf('model=a,task=*'), {}), { status: 400, body: { code: 'INVALID_PATTERN', message: /use model=a, which covers the same contexts/ } })
  t.match(await send('PATCH', pathOf('model=q*,task=x'), {}), { status: 400, body: { code: 'INVALID_PATTERN', message: /%2A/ } })
  t.match(await send('PUT', '/v1/contexts/model=*,task=x/pin', { threshold: null, reason: 'r' }), { status: 400, body: { code: 'INVALID_PATTERN', message: /only a policy may have one/ } })
  t.match(await send('GET', '/v1/contexts/model=*,task=x'), { status: 400, body: { code: 'INVALID_PATTERN' } })
})

t.test('a pattern is wider than a prefix that names its level', async (t) => {
  const { send } = await build(t, { CONTEXT_LEVELS: 'model,task,size', ACCESS_TOKENS: tokenList({ a: 'operator model=a', all: 'operator' }) })
  t.match(await send('PUT', pathOf(PATTERN, '?create=true'), {}, bearer('a')), { status: 403, body: { message: /bound to model=a/ } })
  t.match(await send('PUT', pathOf('model=a,task=*,size=8b', '?create=true'), { mode: 'off' }, bearer('a')), { status: 200 })
  t.match(await send('PUT', pathOf(PATTERN, '?create=true'), {}, bearer('all')), { status: 200 })
})

t.test('what is stated for one model holds there, its mode off too, whatever a pattern states', async (t) => {
  const { contextCommands: commands } = await build(t)
  await commands.setPolicy(PATTERN, { mode: 'enforce', min_tokens: 9 }, OPS)
  await commands.setPolicy('model=a', { mode: 'off' }, { ...OPS, prefix: 'model=a' })
  t.match((await commands.policy('model=a,task=gsm8k')).effective, { mode: 'off', min_tokens: 9 })
  t.match((await commands.policy('model=b,task=gsm8k')).effective, { mode: 'enforce' })
})

t.test('a pattern by which a member would differ from its pool is refused, in known contexts and in those to come', async (t) => {
  const { contextCommands: commands } = await build(t)
  await commands.setPolicy('model=a', { certify_at: 'model' }, OPS)
  await t.rejects(commands.setPolicy(PATTERN, { max_em_drop: 0.01 }, OPS), {
    code: 'INVALID_POLICY', message: /in context model=a,task=gsm8k, max_em_drop \(stated by model=\*,task=gsm8k\) must be 0.02, as in its pool model=a/,
  })
  await commands.setPolicy('model=a,task=gsm8k', { certify_at: 'task' }, OPS)
  await commands.setPolicy(PATTERN, { max_em_drop: 0.01 }, OPS)
  t.match((await commands.policy('model=a,task=gsm8k')).effective, { max_em_drop: 0.01, certify_at: 'task' })
  await commands.setPolicy(PATTERN, null, OPS)
  await commands.setPolicy('model=a,task=gsm8k', null, OPS)
  await commands.setPolicy('model=a', null, OPS)
  await commands.setPolicy(PATTERN, { max_em_drop: 0.01 }, OPS)
  await t.rejects(commands.setPolicy('model=b', { certify_at: 'model' }, OPS), { code: 'INVALID_POLICY', message: /in context model=b,task=gsm8k/ })
  await commands.setPolicy(PATTERN, null, OPS)
  await commands.setPolicy('*', { certify_at: 'model' }, OPS)
  await commands.setPolicy(PATTERN, { max_em_drop: 0.01, certify_at: 'task' }, OPS)
  t.match((await commands.policy('model=b,task=gsm8k')).effective, { max_em_drop: 0.01, certify_at: 'task' })
  await commands.setPolicy('*', null, OPS)
  await commands.setPolicy(PATTERN, { max_em_drop: 0.01 }, OPS)
  await t.rejects(commands.setPolicy('*', { certify_at: 'model' }, OPS), {
    code: 'INVALID_POLICY', message: 'in context model=*,task=gsm8k, max_em_drop must be 0.02, as in its pool model=*: name the last level in certify_at here, so that this context is certified on its own',
  })
})

t.test('patterns distinguish so many combinations of values at most, and a bound token has a share of them', async (t) => {
  const { contextCommands: commands } = await build(t, { CONTEXT_LEVELS: 'model,task,size' })
  const set = (key: string, prefix: string | null = null) => commands.setPolicy(key, { min_tokens: 1 }, { ...OPS, prefix })
  for (let i = 0; i < 11; i++) await set(`model=*,task=t${i}`)
  for (let i = 0; i < 9; i++) await set(`model=*,task=*,size=s${i}`)
  await t.rejects(set('model=*,task=*,size=more'), { code: 'TOO_MANY_PATTERNS', message: /128/ }, '1 + 12 + 12 times 10')
  await t.resolves(set('model=*,task=t1'), 'one that is there can be changed')
  for (let i = 0; i < 11; i++) await commands.setPolicy(`model=*,task=t${i}`, null, OPS)
  for (let i = 0; i < 9; i++) await commands.setPolicy(`model=*,task=*,size=s${i}`, null, OPS)
  for (let i = 0; i < 30; i++) await set(`model=a,task=*,size=s${i}`, 'model=a')
  await t.rejects(set('model=a,task=*,size=more', 'model=a'), { code: 'TOO_MANY_PATTERNS', message: /32/ })
  for (let i = 0; i < 20; i++) await set(`model=*,task=t${i}`) // though the tenant's multiply them below model=a
})
