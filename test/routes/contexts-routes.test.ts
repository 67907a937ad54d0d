import t from 'tap'
import { certify, CONTEXT, KEY, losslessOutcome, reportTo, untilEvidence } from '../certify.js'
import { sendConfirmed } from '../confirmed.js'
import { build, until } from '../helper.js'
import { ALL_CONTROL, quickPolicy } from '../quick-policy.js'

const url = `/v1/contexts/${encodeURIComponent(KEY)}`

t.test('a context shows a row for every threshold and the distance to the next certificate', async (t) => {
  const built = await build(t, ALL_CONTROL)
  await reportTo(built, Array.from({ length: 100 }, (_, i) => losslessOutcome(`g${i}`)))
  const body = await untilEvidence(built, 100)
  t.match(body, {
    key: KEY, context: CONTEXT, status: 'learning', threshold: null, guarantee: null, generations: { control_share: 1 }, epoch: 1, pin: null,
  })
  t.equal(body.evidence.next_certificate_in, 86, '186 lossless generations at 2 % and level 0.05')
  t.equal(body.thresholds.length, 30)
  t.match(body.thresholds[0], { lost: 0, kept: 100, gained: 0, em_drop: 0, tokens_saved_ratio: 0, certified: false })
  t.match(body.thresholds.at(-1), { kept: 100, tokens_saved_ratio: 0.5 })
})

t.test('tokens saved are shown net of the probe costs that workers report', async (t) => {
  const built = await build(t, ALL_CONTROL)
  const { send } = built
  const probing = (id: string) => ({ ...losslessOutcome(id), probe_tokens: 30, probe_prefill_tokens: 5 })
  await reportTo(built, Array.from({ length: 100 }, (_, i) => probing(`g${i}`)))
  const body = await untilEvidence(built, 100)
  t.match(body, { tokens: { saved: -3000, probes: 3000 } })
  const prefilled = `stopgate_probe_prefill_tokens_total{context="${KEY}"} 500\n`
  await until('a metric counts prefilled tokens', async () => (await send('GET', '/metrics')).body.includes(prefilled))
  const { tokens_saved_ratio: net, tokens_saved_gross_ratio: gross } = body.thresholds.at(-1)
  t.equal(gross, 0.5)
  t.ok(net < gross, 'net of the probes made before the stop')
  const { body: tradeoff } = await send('GET', `${url}/tradeoff`)
  t.match(tradeoff.points.at(-1), { tokens_saved_ratio: net, tokens_saved_gross_ratio: gross })
  const { body: refused, status } = await send('POST', '/v1/outcomes', { ...losslessOutcome('x'), probe_tokens: -1 })
  t.equal(status, 400)
  t.match(refused.message, /probe_tokens/)
})

t.test('contexts are listed by key, in pages, by status and prefix', async (t) => {
  const built = await build(t)
  const { send } = built
  await certify(built)
  for (const task of ['a', 'ab', 'b']) await send('POST', '/v1/outcomes', losslessOutcome(task, { model: 'm', task }))
  const keys = async (query: string) => (await send('GET', `/v1/contexts?${query}`)).body.contexts.map(({ key }: { key: string }) => key)
  await until('all are learned', async () => (await keys('')).length === 7)
  t.same(await keys('prefix=model%3Dm'), ['model=m', 'model=m,task=a', 'model=m,task=ab', 'model=m,task=b'])
  t.same(await keys('prefix=model%3Dm,task%3Da'), ['model=m,task=a'], 'a prefix matches whole links')
  t.same(await keys('status=certified'), [KEY])
  const seen = []
  for (let after = '', pages = 0; after !== null; pages++) {
    const { body } = await send('GET', `/v1/contexts?limit=2${after && `&after=${encodeURIComponent(after)}`}`)
    t.ok(body.contexts.length <= 2 && pages < 5)
    seen.push(...body.contexts.map(({ key }: { key: string }) => key))
    after = body.next
  }
  t.same(seen, await keys(''))
})

t.test('the trade-off of a context is shown point by point', async (t) => {
  const built = await build(t)
  await certify(built)
  const { send } = built
  const { status, body } = await send('GET', `${url}/tradeoff`)
  t.equal(status, 200)
  t.match(body, { key: KEY, score: 'confidence', unfavourable_from: null, knee: null })
  t.equal(body.moves.at(-1).before, null) // the policy may already have moved it again
  t.match(body.points[0], { threshold: null, tokens_saved_ratio: 0, em_drop: 0 })
  t.match(body.points.at(-1), { tokens_saved_ratio: 0.5, em_drop: 0, em_drop_predicted: 0 })
  t.match(await send('GET', '/v1/contexts/model%3Dnobody/tradeoff'), { status: 404, body: { code: 'CONTEXT_NOT_FOUND' } })
  t.match(await send('GET', '/v1/contexts/nothing/tradeoff'), { status: 400, body: { code: 'INVALID_CONTEXT_KEY' } })
})

t.test('a policy is inherited field by field, and a child may state its own', async (t) => {
  const { send } = await build(t)
  await send('PUT', '/v1/contexts/*/policy', { max_em_drop: 0.05, mode: 'shadow' })
  const { body } = await send('PUT', `/v1/contexts/${encodeURIComponent('model=q')}/policy`, { mode: 'enforce' })
  t.match(body, { key: 'model=q', policy: { mode: 'enforce' }, effective: { max_em_drop: 0.05, mode: 'enforce', label: 'exact_match' } })
  t.match((await send('GET', `${url}/policy`)).body, { policy: {}, effective: { max_em_drop: 0.05, mode: 'enforce' } })
  t.match((await send('DELETE', `/v1/contexts/${encodeURIComponent('model=q')}/policy`)).body, { policy: {}, effective: { mode: 'shadow' } })
  t.match((await send('GET', `${url}/policy`)).body, { effective: { mode: 'shadow' } })
})

t.test('a pause and its end keep the policy of the root, and the evidence', async (t) => {
  const built = await build(t)
  const { send } = built
  await send('PUT', '/v1/contexts/*/policy', { min_tokens: 16, judge_miss_rate: null })
  await certify(built)
  const before = (await send('GET', url)).body
  const ask = async () => (await send('POST', '/v1/decisions', { arm: 'treated', tokens: 32, confidence: 1, context: CONTEXT })).body
  t.match(await ask(), { decision: 'stop' })
  const tried = await send('PATCH', '/v1/contexts/*/policy?dry_run=true', { mode: 'off' })
  t.match(tried.body, { dry_run: true, changing: tried.body.total, contexts: [{ mode_before: 'enforce', mode_after: 'off', new_epoch: false }] })
  t.match(await ask(), { decision: 'stop' }, 'a dry run changes nothing')
  const more = await send('PATCH', '/v1/contexts/*/policy', { mode: 'off', max_em_drop: 0.1 })
  t.match(more, { status: 409, body: { code: 'UNCONFIRMED' } }, 'other fields have to be confirmed')
  const fewer = await send('PUT', '/v1/contexts/*/policy', { mode: 'off' })
  t.match(fewer, { status: 409, body: { code: 'UNCONFIRMED' } }, 'so do fields that a PUT drops')
  t.same((await send('PATCH', '/v1/contexts/*/policy', { mode: 'off' })).body.policy, { min_tokens: 16, judge_miss_rate: null, mode: 'off' })
  t.match(await ask(), { decision: 'continue', reason: 'off' })
  t.match(await send('PATCH', '/v1/contexts/*/policy', { mode: null }), { status: 409, body: { code: 'UNCONFIRMED' } })
  t.same((await sendConfirmed(built, 'PATCH', '/v1/contexts/*/policy', { mode: null })).body.policy, { min_tokens: 16, judge_miss_rate: null })
  t.match(await ask(), { decision: 'stop' })
  const { epoch, threshold, generations: { control } } = before
  t.match((await send('GET', url)).body, { epoch, threshold, generations: { control }, guarantee: { post_hoc: false } })
})

t.test('a policy may be changed by a merge patch of either media type', async (t) => {
  const { app } = await build(t)
  const send = (method: 'PATCH' | 'PUT', type: string, payload: object) =>
    app.inject({ method, url: `${url}/policy?create=true`, headers: { 'content-type': type }, payload: JSON.stringify(payload) })
  t.same((await send('PATCH', 'application/merge-patch+json; charset=utf-8', { label: 'agreement' })).json().policy, { label: 'agreement' })
  t.same((await send('PATCH', 'application/json', { max_em_drop: 0.01 })).json().policy, { label: 'agreement', max_em_drop: 0.01 })
  t.match(await send('PUT', 'application/merge-patch+json', { mode: 'off' }), { statusCode: 415 }, 'or it would replace the rest')
  t.match((await send('PATCH', 'application/json', { mode: 'on' })).json(), { statusCode: 400, details: [{ path: '/mode' }] })
  t.match((await send('PATCH', 'application/json', { certify_at: 'tenant' })).json(), { statusCode: 400, code: 'INVALID_POLICY' })
})

t.test('a guarantee that changes after evidence keeps the counts and raises the bar', async (t) => {
  const built = await build(t)
  const { send } = built
  const { length: control } = await certify(built, CONTEXT, 190) // 186 are enough for 1/0.05 at 2 points; 30/0.05 takes 358 at 2.1
  await untilEvidence(built, control)
  await send('PUT', `${url}/policy`, { max_em_drop: 0.021 })
  t.match((await send('GET', url)).body, { threshold: null, generations: { control }, epoch: 1, status: 'learning' }, `${control} lossless generations are not enough`)
  await send('DELETE', `${url}/policy`)
  t.match((await send('GET', url)).body, { threshold: Number, guarantee: { post_hoc: false } }, 'the wish the evidence was gathered for')
  await send('PUT', `${url}/policy`, { max_em_drop: 0.1 })
  t.match((await send('GET', url)).body, { threshold: Number, guarantee: { post_hoc: true } })
})

t.test('another label, min_tokens or cadence starts a new epoch without evidence', async (t) => {
  const built = await build(t)
  const { send } = built
  await certify(built)
  for (const [i, policy] of [{ label: 'agreement' }, { min_tokens: 10 }, { check_every_tokens: 7 }].entries()) {
    await send('PUT', `${url}/policy`, policy)
    t.match(await until('the epoch opens', async () => { const { body } = await send('GET', url); return body.epoch === i + 2 && body }),
      { threshold: null, generations: { control: 0 }, guarantee: null }, JSON.stringify(policy))
  }
})

t.test('a pin takes effect at once, without a guarantee, until it is removed', async (t) => {
  const { send } = await build(t)
  t.equal((await send('PUT', `${url}/pin`, { threshold: 0.9, reason: 'incident 42' })).status, 200)
  const ask = async () => (await send('POST', '/v1/decisions', { arm: 'treated', tokens: 1, confidence: 0.95, context: CONTEXT })).body
  t.match(await ask(), { decision: 'stop', threshold: 0.9, scope: 'own' })
  t.match((await send('POST', '/v1/decisions', { generation_id: 'g', tokens: 1, confidence: 0.95, context: CONTEXT })).body, { threshold: 0.9, guarantee: null })
  t.equal((await send('DELETE', `${url}/pin?reason=over`)).status, 204)
  t.match(await ask(), { decision: 'continue', threshold: null })
  await send('PUT', '/v1/contexts/*/policy?reason=all%20off', { mode: 'off' })
  const changes = await until('all is learned', async () => { const { body } = await send('GET', '/v1/history'); return body.changes.length === 3 && body.changes })
  t.match(changes, [
    { key: '*', cause: 'policy', before: null, after: null, by: 'anonymous', reason: 'all off', version: Number },
    { key: KEY, cause: 'pin', before: 0.9, after: null, by: 'anonymous', reason: 'over', version: Number },
    { key: KEY, cause: 'pin', before: null, after: 0.9, by: 'anonymous', reason: 'incident 42', version: Number },
  ])
})

t.test('a reset starts a new epoch', async (t) => {
  const built = await build(t)
  const { send } = built
  await certify(built)
  t.equal((await send('POST', `${url}/reset`, { reason: 'new weights' })).status, 204)
  t.match(await until('the epoch opens', async () => { const { body } = await send('GET', url); return body.epoch === 2 && body }), { threshold: null, generations: { control: 0 } })
  await until('this replica has it', async () => (await send('POST', '/v1/decisions', { tokens: 1, confidence: 1, context: CONTEXT })).body.threshold === null)
  const { changes } = (await send('GET', '/v1/history')).body
  t.match(changes[0], { key: KEY, cause: 'reset', epoch: 2, after: null, before: Number })
})

t.test('a reset of the root withdraws every threshold, once it is confirmed', async (t) => {
  const built = await build(t)
  const { send } = built
  const contexts = [CONTEXT, { model: 'other', task: 'other' }]
  for (const context of contexts) await certify(built, context)
  const ask = async () => Promise.all(contexts.map(async (context) =>
    (await send('POST', '/v1/decisions', { arm: 'treated', tokens: 32, confidence: 1, context })).body.decision))
  t.same(await ask(), ['stop', 'stop'])
  const reason = { reason: 'new weights' }
  t.match(await send('POST', '/v1/contexts/*/reset', reason), { status: 409, body: { code: 'UNCONFIRMED', message: /changes 5 contexts/ } })
  const tried = await send('POST', '/v1/contexts/*/reset?dry_run=true', reason)
  t.match(tried, { status: 200, body: { dry_run: true, total: 5, changing: 5, contexts: [{ new_epoch: true, after: null }] } })
  t.same(await ask(), ['stop', 'stop'], 'nothing has happened yet')
  t.equal((await send('POST', `/v1/contexts/*/reset?confirm=${tried.body.confirm}`, reason)).status, 204)
  await until('nothing is stopped any more', async () => (await ask()).every((decision) => decision === 'continue'))
  const { body } = await send('GET', '/v1/contexts')
  for (const context of body.contexts) t.match(context, { epoch: 2, threshold: null, generations: { control: 0 } }, context.key)
})

t.test('a pin of the root needs a confirmation where it changes a threshold', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: quickPolicy({ certify_at: '*' }) })
  const { send } = built
  await certify(built)
  const pin = { threshold: null, reason: 'incident 42' }
  t.match(await send('PUT', '/v1/contexts/*/pin', pin), { status: 409, body: { code: 'UNCONFIRMED' } })
  t.match((await send('PUT', '/v1/contexts/*/pin?dry_run=true', pin)).body, { changing: 2, contexts: [{ before: Number, after: null }] }, 'the pool and its member; between them nothing is known')
  t.match(await sendConfirmed(built, 'PUT', '/v1/contexts/*/pin', pin), { status: 200, body: { key: '*', pinned_contexts: 1, warnings: undefined } })
  t.strictSame((await send('PUT', '/v1/contexts/model=new/pin', pin)).body, { key: 'model=new', pinned_contexts: 0, warnings: ['pin_without_effect'] })
  t.match(await send('DELETE', '/v1/contexts/*/pin?reason=over'), { status: 409, body: { code: 'UNCONFIRMED' } }, 'stopping begins again')
  t.equal((await sendConfirmed(built, 'DELETE', '/v1/contexts/*/pin?reason=over')).status, 204)
})

t.test('a pin with a lifetime ends, in decisions, learned state, history and audit', async (t) => {
  const built = await build(t, { POLL_SECONDS: '0.05' })
  const { send } = built
  await certify(built)
  await send('PUT', `${url}/pin`, { threshold: null, reason: 'incident 42', expires_in_seconds: 1 })
  const { pin } = (await send('GET', url)).body
  t.match(pin, { at: KEY, reason: 'incident 42', by: 'anonymous', expires_at: String })
  t.ok(Math.abs(Date.parse(pin.expires_at) - Date.now()) <= 1000)
  const ask = async () => (await send('POST', '/v1/decisions', { arm: 'treated', tokens: 32, confidence: 0.97, context: CONTEXT })).body.decision
  t.equal(await ask(), 'continue')
  await until('it has ended', async () => await ask() === 'stop')
  const changes = await until('it is in the history', async () => { const { changes } = (await send('GET', '/v1/history')).body; return changes[0].reason === 'expired' && changes })
  t.match(changes[0], { key: KEY, cause: 'pin', by: 'stopgate', before: null, after: Number })
  t.match((await send('GET', '/v1/audit')).body.commands[0], { key: KEY, by: 'stopgate', reason: 'expired', pin: null, replaced: { threshold: null, expires_at: pin.expires_at } })
  t.match((await send('GET', url)).body, { pin: null, threshold: Number })
})

t.test('a dry run reports the effect of a policy and changes nothing', async (t) => {
  const built = await build(t)
  const { send } = built
  await certify(built)
  const { threshold } = (await send('GET', url)).body
  const before = { policy: (await send('GET', `${url}/policy`)).body, audit: (await send('GET', '/v1/audit')).body }
  const trial = (await send('PUT', '/v1/contexts/model=q/policy?dry_run=true', { min_tokens: 10 })).body
  t.match(trial, {
    key: 'model=q',
    policy: { min_tokens: 10 },
    effective: { min_tokens: 10, max_em_drop: 0.02 },
    dry_run: true,
    contexts: [
      { key: KEY, new_epoch: true, before: threshold, after: null, em_drop_after: 0, status_after: 'learning', post_hoc: false },
      { key: 'model=q', new_epoch: true, before: null, after: null },
    ],
    total: 2,
    changing: 2,
  })
  t.match((await send('PUT', `${url}/policy?dry_run=true`, { max_em_drop: 0.1 })).body.contexts, [{ key: KEY, new_epoch: false, post_hoc: true, after: Number }])
  t.match((await send('PUT', '/v1/contexts/model=q/policy?dry_run=true', { mode: 'off' })).body, {
    contexts: [{ key: KEY, before: threshold, after: threshold, mode_after: 'off' }, { key: 'model=q', mode_before: 'enforce', mode_after: 'off' }],
    total: 2,
    changing: 2,
  }, 'thresholds stay, and stop nobody')
  t.match((await send('DELETE', '/v1/contexts/*/policy?dry_run=true')).body, { policy: {}, dry_run: true, total: 3, changing: 0 })
  t.match(await send('PUT', '/v1/contexts/*/policy?dry_run=true', { min_tokens: 9, certify_at: 'tenant' }), { status: 400, body: { code: 'INVALID_POLICY' } })
  t.same({ policy: (await send('GET', `${url}/policy`)).body, audit: (await send('GET', '/v1/audit')).body }, before)

  await send('PUT', '/v1/contexts/model=q/policy', { min_tokens: 10 })
  for (const { key, after, status_after } of trial.contexts) {
    await until('it is learned', async () => (await send('GET', `/v1/contexts/${encodeURIComponent(key)}`)).body.epoch === 2)
    t.match((await send('GET', `/v1/contexts/${encodeURIComponent(key)}`)).body, { threshold: after, status: status_after }, 'and so it comes')
  }
})

t.test('enforce stops, shadow only reports its decisions, and off always continues', async (t) => {
  const built = await build(t)
  const { send } = built
  const other = { model: 'q', task: 'other' }
  await certify(built)
  await certify(built, other)
  const ask = async (context = CONTEXT, arm = 'treated') => (await send('POST', '/v1/decisions', { arm, tokens: 32, confidence: 0.97, context })).body
  for (const [mode, answer] of [
    ['enforce', { decision: 'stop', reason: 'score_at_threshold', would_stop: true }],
    ['shadow', { decision: 'continue', reason: 'shadow', would_stop: true }],
    ['off', { decision: 'continue', reason: 'off', would_stop: false }],
  ] as const) {
    t.equal((await send('PUT', `${url}/policy`, { mode })).status, 200)
    t.match(await ask(), answer)
    t.equal((await send('GET', url)).body.mode, mode)
    t.match(await ask(other), { decision: 'stop' }, 'of another context')
    if (mode !== 'off') t.match(await ask(CONTEXT, 'control'), { decision: 'continue', reason: 'control_arm', would_stop: true })
  }
  await send('DELETE', `${url}/policy`)
  t.match(await ask(), { decision: 'stop' })
})

t.test('an unknown query parameter is refused, such as a misspelt dry_run that would be ignored', async (t) => {
  const built = await build(t)
  await certify(built)
  const { send } = built
  const url = `/v1/contexts/${encodeURIComponent(KEY)}`
  t.match(await send('PUT', `${url}/pin?dryrun=true`, { threshold: 0.9, reason: 'r' }), { status: 400, body: { message: /dryrun is not a known field: remove it/ } })
  t.match(await send('POST', `${url}/reset?dryrun=true`, { reason: 'r' }), { status: 400 })
  t.match((await send('GET', url)).body, { pin: null, epoch: 1 })
})

t.test('a mistyped key is refused by each call that sets something, and create=true sets it in advance', async (t) => {
  const { send } = await build(t)
  const calls = [['PUT', 'policy', { mode: 'off' }], ['PATCH', 'policy', { mode: 'off' }], ['PUT', 'pin', { threshold: null, reason: 'r' }]] as const
  for (const [i, [method, what, body]] of calls.entries()) {
    const path = `/v1/contexts/model=m${i}/${what}`
    t.match(await send(method, `${path}?create=false`, body), { status: 404, body: { code: 'CONTEXT_NOT_FOUND', message: /add \?create=true/ } })
    t.equal((await send(method, `${path}?create=true`, body)).status, 200)
  }
  t.equal((await send('DELETE', '/v1/contexts/model=typo/policy')).status, 200)
  t.equal((await send('DELETE', '/v1/contexts/model=typo/pin?reason=r')).status, 204)
})

t.test('stopping can be paused when the table of policies is full', async (t) => {
  const { send } = await build(t, { MAX_CONTEXTS: '2' })
  for (const model of ['a', 'b']) t.equal((await send('PUT', `/v1/contexts/model=${model}/policy`, { max_em_drop: 0.03 })).status, 200)
  t.match(await send('PUT', '/v1/contexts/model=c/policy', { max_em_drop: 0.03 }), { status: 409, body: { code: 'TOO_MANY' } })
  t.equal((await send('PATCH', '/v1/contexts/*/policy', { mode: 'off' })).status, 200)
  t.equal((await send('PATCH', '/v1/contexts/model=c/policy', { mode: 'off' })).status, 200)
  t.equal((await send('PUT', '/v1/contexts/model=d/pin', { threshold: null, reason: 'incident' })).status, 200)
})
