import t from 'tap'
import { snapshotOfBundle } from '../../../src/core/decide/bundle.js'
import { ruleFor } from '../../../src/core/decide/snapshot.js'
import { build, until } from '../../helper.js'
import { bearer, tokenList } from '../../token-fixtures.js'

const context = { model: 'q', task: 'gsm8k' }
const form = { name: 'direct', suffix: '', before: '', after: '\n', tokens: 2 } as const
const finding = { form, is_stated: false, generations: 20, tried: [{ name: 'direct', agreement: 1, self_agreement: 1, tokens: 2 }] }

t.test('the first form that is found is in force for all workers, by replies and by the bundle', async (t) => {
  const { send } = await build(t)
  t.match(await send('POST', '/v1/probe-forms', { context }), { status: 202, body: { context: 'model=q,task=gsm8k', is_known: false, probe_form: null } })
  t.match((await send('POST', '/v1/probe-forms', { context })).body, { rule: { threshold: null, check_every_tokens: 32, min_tokens: 0 } }, 'and says when to ask')
  t.match(await send('POST', '/v1/probe-forms', { context, finding }), { status: 202 })
  await until('it is in force', async () => (await send('POST', '/v1/probe-forms', { context })).body.is_known)
  await send('POST', '/v1/probe-forms', { context, finding: { ...finding, form: { ...form, tokens: 9 } } })
  t.match((await send('POST', '/v1/probe-forms', { context })).body, { probe_form: form })
  const { body } = await send('GET', '/v1/bundle')
  t.same(ruleFor(snapshotOfBundle(body), context).probeForm, form)
  t.equal(ruleFor(snapshotOfBundle(body), { ...context, task: 'other' }).probeForm, undefined)
})

t.test('a pool has one form', async (t) => {
  const { send } = await build(t, { DEFAULT_POLICY: '{"certify_at":"model"}' })
  t.match((await send('POST', '/v1/probe-forms', { context, finding })).body, { context: 'model=q' })
  const other = { ...context, task: 'other' }
  await until('it is in force', async () => (await send('POST', '/v1/probe-forms', { context: other })).body.is_known)
  t.match((await send('POST', '/v1/probe-forms', { context: other })).body, { probe_form: form })
})

t.test('foreign contexts, unknown levels and unknown forms are refused', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ tenant: 'worker model=r', all: 'worker' }) })
  t.match(await send('POST', '/v1/probe-forms', { context, finding }, bearer('tenant')), { status: 403 })
  t.match(await send('POST', '/v1/probe-forms', { context: { colour: 'red' } }, bearer('all')), { status: 400, body: { code: 'UNKNOWN_CONTEXT_LEVEL' } })
  const spoken = { ...finding, form: { ...form, name: 'spoken' } }
  t.match(await send('POST', '/v1/probe-forms', { context, finding: spoken }, bearer('all')), { status: 400 })
})
