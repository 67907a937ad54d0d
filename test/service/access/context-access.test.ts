import t, { type Test } from 'tap'
import type { Context } from '../../../src/core/policy/context.js'
import {
  allowedPrefix, contextAccessProblem, keyAccessProblem, ownId, scopedId, spendReportQuota,
} from '../../../src/service/access/context-access.js'
import { Quota } from '../../../src/service/access/tokens.js'
import { createMetrics } from '../../../src/service/metrics/metrics.js'
import { certify, enrol, KEY, losslessOutcome } from '../../certify.js'
import { build, until } from '../../helper.js'
import { ALL_CONTROL, quickPolicy } from '../../quick-policy.js'
import { bearer, tokenList } from '../../token-fixtures.js'

const bound = (tokenPrefix: string | null) => ({ tokenName: 'tenant', tokenPrefix })
const levels = ['model', 'task']

t.test('a prefix matches whole levels', async (t) => {
  for (const key of ['model=q', 'model=q,task=a', 'model=q,task=-']) t.equal(keyAccessProblem(bound('model=q'), key, '/key'), null, key)
  for (const key of ['*', '', 'model=q2', 'model=q2,task=a', 'model=-', 'model=q%2Ctask=a', 'model=Q', ' model=q', 'model=%71']) {
    t.match(keyAccessProblem(bound('model=q'), key, '/key'), { path: '/key', message: /^token tenant is bound to model=q and/ }, key)
  }
  t.ok(keyAccessProblem(bound('model=q,task=a'), 'model=q', '/key'), 'what is above a prefix is not within it')
})

t.test('a context is checked by its key', async (t) => {
  t.equal(contextAccessProblem(bound('model=q'), levels, { model: 'q' }), null)
  t.equal(contextAccessProblem(bound('model=q'), levels, { model: 'q', task: 'q2' }), null)
  const others: (Context | undefined)[] = [{ model: 'q2' }, { task: 'q' }, { model: 'q,task=a' }, {}, undefined]
  for (const context of others) {
    t.match(contextAccessProblem(bound('model=q'), levels, context), { path: '/context' }, JSON.stringify(context))
    t.equal(contextAccessProblem(bound(null), levels, context), null)
  }
})

t.test('a list covers the contexts that the token may see', async (t) => {
  t.equal(allowedPrefix(bound(null), undefined), '*')
  t.equal(allowedPrefix(bound(null), 'model=x'), 'model=x')
  t.equal(allowedPrefix(bound('model=q'), undefined), 'model=q')
  t.equal(allowedPrefix(bound('model=q'), 'model=q,task=a'), 'model=q,task=a')
  for (const wanted of ['*', 'model=q2']) t.throws(() => allowedPrefix(bound('model=q'), wanted), { code: 'FORBIDDEN', details: [{ path: '/prefix' }] })
})

/** Tenants of two models, one of whose names begins with the other's, beside tokens that are bound to nothing. */
async function twoTenants (t: Test) {
  const built = await build(t, {
    ...ALL_CONTROL,
    ACCESS_TOKENS: tokenList({
      w: 'worker',
      o: 'operator',
      'q-worker': 'worker model=q',
      'q-trainer': 'trainer model=q',
      'q-operator': 'operator model=q',
      'q2-worker': 'worker model=q2',
      'q2-trainer': 'trainer model=q2',
    }),
  })
  const as = (name: string): typeof built.send => (method, url, body) => built.send(method, url, body, bearer(name))
  return { ...built, as }
}

const step = { tokens: 32, confidence: 1 }
const q = { model: 'q', task: 'gsm8k' }
const q2 = { model: 'q2', task: 'gsm8k' }

t.test('a bound worker decides and reports only in its own contexts', async (t) => {
  const { as } = await twoTenants(t)
  const send = as('q-worker')
  t.match(await send('POST', '/v1/decisions', { ...step, context: q }), { status: 200, body: { context: 'model=q,task=gsm8k' } })
  for (const context of [q2, {}, undefined]) {
    t.match(await send('POST', '/v1/decisions', { ...step, context }), {
      status: 403, body: { code: 'FORBIDDEN', error: 'Forbidden', message: /q-worker is bound to model=q /, details: [{ path: '/context' }] },
    })
  }
  const { status, body } = await send('POST', '/v1/decisions/batch', { steps: [{ ...step, context: q2 }, { ...step, context: q }, step] })
  t.equal(status, 200)
  t.match(body.decisions, [{ error: { path: '/context', message: /bound to model=q / } }, { decision: 'continue' }, { error: { path: '/context' } }])

  t.match(await send('POST', '/v1/outcomes', losslessOutcome('a', q)), { status: 202 })
  t.match(await send('POST', '/v1/outcomes', losslessOutcome('b', q2)), { status: 403, body: { code: 'FORBIDDEN' } })
  t.match(await send('POST', '/v1/outcomes/batch', { outcomes: [losslessOutcome('b', q2), losslessOutcome('c', q)] }), {
    status: 202, body: { accepted: 1, rejected: [{ index: 0, path: '/context', message: /bound to model=q / }] },
  })
  t.match(await as('q2-worker')('POST', '/v1/outcomes', losslessOutcome('b', q2)), { status: 202, body: { accepted: 1 } }, 'nothing of a refused one was kept')
})

t.test('a bound operator sees and changes only its own contexts', async (t) => {
  const built = await twoTenants(t)
  const { as } = built
  await certify({ ...built, send: as('w') }, q)
  await as('w')('POST', '/v1/outcomes', losslessOutcome('other', q2))
  await until('both are known', async () => (await as('o')('GET', '/v1/contexts')).body.contexts.length === 5)
  const send = as('q-operator')
  const keys = async (query = '') => (await send('GET', `/v1/contexts${query}`)).body.contexts?.map(({ key }: { key: string }) => key)
  t.strictSame(await keys(), ['model=q', 'model=q,task=gsm8k'])
  t.strictSame(await keys('?prefix=model%3Dq,task%3Dgsm8k'), ['model=q,task=gsm8k'])
  t.strictSame(await keys('?after=model%3Dq,task%3Dgsm8k'), [])
  for (const prefix of ['*', 'model%3Dq2']) t.match(await send('GET', `/v1/contexts?prefix=${prefix}`), { status: 403, body: { details: [{ path: '/prefix' }] } })

  const own = '/v1/contexts/model%3Dq%2Ctask%3Dgsm8k'
  t.equal((await send('GET', own)).status, 200)
  t.equal((await send('PUT', '/v1/contexts/model=q/policy', { mode: 'shadow' })).status, 200)
  t.equal((await send('PUT', `${own}/pin`, { threshold: 0.9, reason: 'mine' })).status, 200)
  for (const key of ['*', 'model%3Dq2', 'model%3Dq2%2Ctask%3Dgsm8k', 'model%3Dnobody', 'model=%2571']) {
    for (const [method, path, body] of [
      ['GET', ''], ['GET', '/policy'], ['PUT', '/policy', {}], ['DELETE', '/policy'], ['PUT', '/pin', { threshold: null, reason: 'theirs' }],
      ['DELETE', '/pin', { reason: 'theirs' }], ['POST', '/reset', { reason: 'theirs' }],
    ] as const) {
      t.match(await send(method, `/v1/contexts/${key}${path}`, body), { status: 403, body: { code: 'FORBIDDEN', details: [{ path: '/key' }] } }, `${method} ${key}${path}`)
    }
  }
  t.match((await as('o')('GET', '/v1/contexts/model=q2')).body, { pin: null, epoch: 1 })
  const { commands } = (await as('o')('GET', '/v1/audit')).body
  t.match(commands.filter(({ by }: { by: string }) => by === 'q-operator'), [
    { type: 'pin', key: 'model=q,task=gsm8k', reason: 'mine' }, { type: 'policy', key: 'model=q', policy: { mode: 'shadow' } },
  ], 'the audit trail names it')
})

t.test('routes that cover all contexts are refused to a bound token', async (t) => {
  const { as } = await twoTenants(t)
  for (const url of ['/v1/snapshot', '/v1/audit', '/v1/training-runs', '/v1/training-runs/r', '/v1/predictors', '/v1/predictors/p', '/metrics']) {
    t.match(await as('q-operator')('GET', url), { status: 403, body: { code: 'FORBIDDEN', message: /requires a token that is not bound to a prefix, and token q-operator is bound to model=q/ } }, url)
    t.not((await as('o')('GET', url)).status, 403, url)
  }
  for (const method of ['PUT', 'DELETE'] as const) {
    t.match(await as('q-operator')(method, '/v1/predictors/p?reason=theirs'), { status: 403, body: { code: 'FORBIDDEN' } }, method)
  }
})

const outcomeOf = (id: string, context: Context) =>
  ({ generation_id: id, samples: 1, arm: 'control', context, tokens: 60, em: 1, steps: [{ tokens: 32, confidence: 1, em: 1 }] })
const asked = (id: string, context: object) => ({ generation_id: id, arm: 'control', tokens: 32, confidence: 1, context })

t.test('another tenant cannot duplicate, label or extend a tenant\'s generations', async (t) => {
  const { as } = await twoTenants(t)
  const [mine, theirs] = [as('q-worker'), as('q2-worker')]
  await enrol((path, body) => mine('POST', path, body), ['same', 'late', 'mine'].map((id) => outcomeOf(id, q)))
  t.match(await theirs('POST', '/v1/outcomes', losslessOutcome('same', q2)), { status: 202, body: { accepted: 1 } })
  t.match(await as('w')('POST', '/v1/outcomes', losslessOutcome('same', q2)), { status: 202, body: { accepted: 1 } }, 'an unbound worker\'s are others')
  t.match(await mine('POST', '/v1/outcomes', losslessOutcome('same', q)), { status: 202, body: { accepted: 1 } })
  t.match(await mine('POST', '/v1/outcomes', losslessOutcome('same', q)), { status: 202, body: { duplicates: 1 } })

  await mine('POST', '/v1/outcomes', { ...losslessOutcome('late', q), em: undefined, answer: undefined })
  for (const name of ['q2-worker', 'w']) {
    t.match(await as(name)('POST', '/v1/outcomes/late/label', { em: 0 }), { status: 404, body: { code: 'OUTCOME_NOT_FOUND', message: /^Outcome late is unknown/ } }, name)
  }
  t.match(await mine('POST', '/v1/outcomes/late/label', { em: 1 }), { status: 202, body: { accepted: 1 } })

  await mine('POST', '/v1/decisions', asked('mine', q))
  for (const name of ['q2-worker', 'w']) {
    await as(name)('POST', '/v1/decisions', asked('mine', q2))
    await as(name)('POST', '/v1/decisions/batch', { steps: [asked('mine', q2)] })
  }
  t.match(await mine('POST', '/v1/outcomes', outcomeOf('mine', q)), { status: 202, body: { accepted: 1 } })
  const context = await until('all three are learned', async () => {
    const { body } = await as('o')('GET', '/v1/contexts/model=q,task=gsm8k')
    return body.generations?.control === 3 && body
  })
  t.match(context.thresholds.at(-1), { lost: 0, kept: 3, unprobed: 0 }, 'also the outcome that is labelled later')
  t.same(context.fed_by, { 'q-worker': 3 })
})

t.test('tokens of one tenant share its ids', async (t) => {
  const ACCESS_TOKENS = tokenList({ old: 'worker model=q', new: 'worker model=q', op: 'operator model=q' })
  const { send } = await build(t, { ...ALL_CONTROL, ACCESS_TOKENS })
  await enrol((path, body) => send('POST', path, body, bearer('old')), ['g', 'labelled'].map((id) => outcomeOf(id, q)))
  t.match(await send('POST', '/v1/outcomes', outcomeOf('labelled', q), bearer('new')), { status: 202, body: { accepted: 1 } })
  t.match(await send('POST', '/v1/outcomes', { ...outcomeOf('g', q), em: undefined }, bearer('new')), { status: 202, body: { accepted: 1 } })
  t.match(await send('POST', '/v1/outcomes', outcomeOf('g', q), bearer('old')), { status: 202, body: { duplicates: 1 } })
  t.match(await send('POST', '/v1/outcomes/g/label', { em: 1 }, bearer('op')), { status: 202, body: { accepted: 1 } })
  const { thresholds } = await until('both are learned', async () => {
    const { body } = await send('GET', '/v1/contexts/model=q,task=gsm8k', undefined, bearer('op'))
    return body.generations?.control === 2 && body
  })
  t.match(thresholds.at(-1), { lost: 0, kept: 2, unprobed: 0 }, 'also the outcome that is labelled later')
})

t.test('batches, bundles and training runs respect the prefix too', async (t) => {
  const { as } = await twoTenants(t)
  const send = as('q-worker')
  const { body } = await send('POST', '/v1/decisions/batch', { steps: [q, q2, {}].map((context) => ({ context, tokens: 1, confidence: 1 })) })
  t.match(body.decisions, [{ threshold: null }, { error: { path: '/context' } }, { error: { path: '/context' } }])
  t.match(await send('GET', '/v1/bundle'), { status: 200 })
  for (const prefix of ['*', 'model%3Dq2']) t.match(await send('GET', `/v1/bundle?prefix=${prefix}`), { status: 403, body: { details: [{ path: '/prefix' }] } }, prefix)
  const checkpoint = { step: 1, suite: 's', em: 0.5, n: 10, tokens_mean: 9 }
  for (const context of [{ model: 'q2' }, undefined]) {
    t.match(await as('q-trainer')('POST', '/v1/training-runs/r/checkpoints', { ...checkpoint, context }), { status: 403, body: { code: 'FORBIDDEN' } }, JSON.stringify(context))
  }
  t.match(await as('q2-trainer')('POST', '/v1/training-runs/theirs/checkpoints', { ...checkpoint, context: { model: 'q2' } }), { status: 202 })
  t.match(await as('q-trainer')('POST', '/v1/training-runs/theirs/checkpoints', { ...checkpoint, step: 2, context: { model: 'q' } }), { status: 403 })
  t.match(await as('q-operator')('GET', '/v1/contexts/model=q2/what-if?max_em_drop=0.1'), { status: 403 })
})

t.test('only new reports use up the quota', async (t) => {
  const reporter = { tokenName: 'w', tokenPrefix: null, tokenOutcomes: new Quota(10, 3_600_000_000) }
  const metrics = createMetrics()
  const limit = async (...areNew: boolean[]) => await spendReportQuota(reporter, 'outcome', areNew.length, metrics, async () => areNew)
  t.same(await limit(true, false, true), [true, false, true])
  for (let i = 0; i < 5; i++) await t.rejects(spendReportQuota(reporter, 'label', 8, metrics, () => Promise.reject(new Error('store down'))), /store down/)
  await limit(...Array<boolean>(8).fill(true))
  await t.rejects(limit(true), { code: 'TOO_MANY_OUTCOMES', statusCode: 429, retryAfterSeconds: 3600, message: /^Token w .*outcomes_per_hour/ })
  const text = await metrics.render()
  t.match(text, 'stopgate_token_reports_total{token="w",kind="outcome",result="accepted"} 10\n')
  t.match(text, 'stopgate_token_reports_total{token="w",kind="outcome",result="duplicate"} 1\n')
  t.match(text, 'stopgate_limited_total{token="w",limit="outcomes"} 1\n')
})

t.test('a lying worker is limited by its quota and visible in metrics', async (t) => {
  const ACCESS_TOKENS = tokenList({ honest: 'worker', liar: 'worker', o: 'operator' }, { liar: { outcomes_per_hour: 25 } })
  const { send } = await build(t, { ACCESS_TOKENS, DEFAULT_POLICY: quickPolicy({ follow_up_seconds: 8, control_rate: 1 }) })
  const report = async (name: string, outcomes: object[]) => await send('POST', '/v1/outcomes/batch', { outcomes }, bearer(name))
  const lies = (from: number, count: number) => Array.from({ length: count }, (_, i) => losslessOutcome(`lie-${from + i}`))
  const truths = Array.from({ length: 100 }, (_, i) => losslessOutcome(`truth-${i}`))
  const later = ['unlabelled', 'truth-later'].map((id) => losslessOutcome(id))
  await enrol((path, body) => send('POST', path, body, bearer('honest')), [...truths, ...lies(0, 25), ...later])
  t.equal((await report('honest', truths)).status, 202)
  for (let from = 0; from < 100; from += 5) await report('liar', lies(from, 5))
  t.match(await report('liar', lies(1000, 5)), { status: 429, body: { code: 'TOO_MANY_OUTCOMES', message: /nothing was stored/ }, headers: { 'retry-after': /^\d+$/ } })
  t.match(await send('POST', '/v1/outcomes', losslessOutcome('lie-one'), bearer('liar')), { status: 429 })
  t.match(await report('liar', lies(0, 5)), { status: 429 }, 'outcomes that it sent before are refused too')
  await send('POST', '/v1/outcomes', { ...losslessOutcome('unlabelled'), em: undefined, answer: undefined }, bearer('honest'))
  t.match(await send('POST', '/v1/outcomes/unlabelled/label', { em: 0 }, bearer('liar')), { status: 429 }, 'labels are refused too')
  t.equal((await send('POST', '/v1/outcomes/unlabelled/label', { em: 1 }, bearer('honest'))).status, 202)
  t.equal((await report('honest', [losslessOutcome('truth-later')])).status, 202, 'an honest token is not limited')

  const context = await until('all is learned', async () => {
    const { body } = await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`, undefined, bearer('o'))
    return body.generations?.control === 127 && body
  })
  t.same(context.fed_by, { honest: 102, liar: 25 })
  const { body } = await send('GET', '/metrics', undefined, bearer('o'))
  t.match(body, 'stopgate_token_reports_total{token="liar",kind="outcome",result="accepted"} 25\n')
  t.match(body, 'stopgate_limited_total{token="liar",limit="outcomes"} 19\n')
  t.match(body, 'stopgate_outcomes_total{result="limited",arm="control"} 86\n')
})

t.test('without tokens, metrics name no reporter', async (t) => {
  const { send } = await build(t)
  await send('POST', '/v1/outcomes', losslessOutcome('g'))
  const { fed_by } = await until('it is learned', async () => {
    const { status, body } = await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)
    return status === 200 && body
  })
  t.same(fed_by, {})
  t.match((await send('GET', '/metrics')).body, 'stopgate_token_reports_total{token="anonymous",kind="outcome",result="accepted"} 1\n')
})

t.test('checkpoints use the same quota and are counted by token', async (t) => {
  const { send, metrics } = await build(t, { ACCESS_TOKENS: tokenList({ w: 'trainer' }, { w: { outcomes_per_hour: 1 } }) })
  const report = (step: number) =>
    send('POST', '/v1/training-runs/r/checkpoints', { step, suite: 's', em: 0.5, n: 100, tokens_mean: 10 }, bearer('w'))
  t.equal((await report(1)).status, 202)
  t.match(await report(2), { status: 429, body: { code: 'TOO_MANY_OUTCOMES' } })
  t.match(await metrics.render(), 'stopgate_token_reports_total{token="w",kind="checkpoint",result="accepted"} 1\n')
})

const scopedCaller = (tokenPrefix: string | null, tokenName = 'tenant') => ({ tokenName, tokenPrefix })

t.test('ids belong to a prefix, whichever of its tokens is used', async (t) => {
  t.equal(scopedId(undefined, 'g'), 'g')
  t.equal(scopedId(scopedCaller(null), 'g'), 'g')
  t.equal(scopedId(scopedCaller('model=q'), 'g'), scopedId(scopedCaller('model=q', 'rotated'), 'g'))
  const ids = ['g', 'g2'].flatMap((id) => [null, 'model=q', 'model=q2', 'model=q,task=a'].map((prefix) => scopedId(scopedCaller(prefix), id)))
  t.equal(new Set(ids).size, ids.length)
  t.ok(Buffer.byteLength(scopedId(scopedCaller(`model=${'x'.repeat(384)}`), 'x'.repeat(128))) < 200, 'short, however long the prefix is')
})

t.test('a caller reads back the ids of its own prefix only', async (t) => {
  const mine = { tokenName: 'a', tokenPrefix: 'model=q' }
  const other = { tokenName: 'b', tokenPrefix: 'model=r' }
  const open = { tokenName: 'c', tokenPrefix: null }
  t.equal(ownId(mine, scopedId(mine, 'g')), 'g')
  t.equal(ownId(mine, scopedId(other, 'g')), null)
  t.equal(ownId(mine, 'g'), null)
  t.equal(ownId(open, 'g'), 'g')
  t.equal(ownId(open, scopedId(mine, 'g')), null)
})
