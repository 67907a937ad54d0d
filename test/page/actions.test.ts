import t, { type Test } from 'tap'
import { certify, KEY } from '../certify.js'
import { build, type Built } from '../helper.js'
import { openPage } from './open-page.js'
import { example, failure, serviceWith, CONTEXT_VIEW } from './replies.js'

type Page = Awaited<ReturnType<typeof openPage>>

/** A real service with a certified context, and the page of that context. */
async function certified (t: Test): Promise<{ built: Built, page: Page }> {
  const built = await build(t)
  await certify(built)
  return { built, page: await openContext(t, built) }
}

const openContext = async (t: Test, { send }: Built) =>
  await openPage(t, `#/context/${encodeURIComponent(KEY)}`, async ({ method, path, body }) => await send(method as 'GET', `/${path}`, body))

const PREVIEW = 'Show what it would do'
const changesOf = (page: Page) => page.requests.filter(({ method }) => method !== 'GET')
const isDisabled = (page: Page, name: string) => page.control(name).hasAttribute('disabled')

async function give (page: Page, reason: string): Promise<void> {
  await page.fill('Reason', reason)
  await page.click(PREVIEW)
  await page.shows('that the call applies to')
}

t.test('on a certified context of a real service', async (t) => {
  const { built, page } = await certified(t)
  const { send } = built
  const url = `/v1/contexts/${encodeURIComponent(KEY)}`
  const threshold = page.tile('Threshold in force')[0]!

  t.test('a pin is made only after its effect was seen, and its maker is shown', async (t) => {
    await page.click('Pin …')
    t.equal(page.read('h2'), `Pin the threshold of ${KEY}`)
    t.ok(isDisabled(page, PREVIEW), 'a reason is needed')
    await give(page, 'incident 42')
    t.match(page.text(), '1 would change, of 1 context that the call applies to.')
    t.same(page.table('Effect'), [
      ['Context', 'Threshold', 'Mode', 'Bound', 'EM lost', 'Saved', 'Tokens a day', 'Notes'],
      [KEY, `${threshold} → never stop`, 'enforce', '2.00 pt', '0.00 pt', '50.0 % → 0.0 %', '–', '–'],
    ])
    t.match(page.text(), 'No context would lose more EM than now.')
    t.match(page.text(), 'What this costs in tokens a day is not known. Unknown for 1 changing context')
    t.equal((await send('GET', url)).body.pin, null, 'a dry run changes nothing')
    await page.click('Do it')
    await page.shows('Pinned to never stop by anonymous (incident 42), until')
    t.match((await send('GET', url)).body, { threshold: null, pin: { at: KEY, reason: 'incident 42', expires_at: String } })
    t.equal(page.tile('Threshold in force')[1], 'By a pin, without a guarantee')
  })

  t.test('only a change that was seen can be made', async (t) => {
    await page.click('Remove pin …')
    await give(page, 'over')
    await page.fill('Reason', 'all is well')
    t.match(page.text(), 'You changed something: check the effect again.')
    t.equal(page.all('button.danger').length, 0)
    await page.click(PREVIEW)
    await page.click('Do it')
    await page.shows('At most')
    t.equal((await send('GET', url)).body.pin, null)
    t.match((await send('GET', '/v1/audit')).body.commands[0], { type: 'pin', pin: null, reason: 'all is well' })
    t.notMatch(page.text(), 'Remove pin …', 'without a pin none can be removed')
  })

  t.test('a mode is chosen, and a dialog that is closed changes nothing', async (t) => {
    await page.click('Mode …')
    t.equal(page.field('off').checked, true, 'the usual wish comes first')
    await page.choose('shadow')
    await give(page, 'try')
    t.same(page.table('Effect')[1]!.slice(2, 3), ['enforce → shadow'])
    await page.click('Cancel')
    t.equal(page.all('dialog[open]').length, 0)
    t.equal((await send('GET', url)).body.mode, 'enforce')
  })

  t.test('a policy shows inherited fields, and sends only changed ones', async (t) => {
    await page.click('Policy …')
    await page.until('the policy is read', () => page.requests.at(-1)!.path === `v1/contexts/${encodeURIComponent(KEY)}/policy`)
    t.equal(page.field('max_em_drop').placeholder, '2')
    t.match(page.field('mode').textContent, 'inherit (enforce)')
    t.ok(isDisabled(page, PREVIEW), 'nothing has changed')
    await page.fill('max_em_drop', '1')
    await page.fill('min_tokens', '64')
    await page.fill('min_tokens', '')
    t.equal(page.all('.field.changed').length, 1)
    await give(page, 'stricter')
    t.match(page.table('Effect')[1]!.at(-1), 'bar thirty times higher', 'a bound that is changed later costs more evidence')
    await page.click('Do it')
    await page.shows('1.0 pt allowed')
    t.same((await send('GET', `${url}/policy`)).body.policy, { max_em_drop: 0.01 })
    t.same(changesOf(page).at(-1)!.body, { max_em_drop: 0.01 })
  })

  t.test('an inherited field is inherited again when it is emptied', async (t) => {
    await page.click('Policy …')
    await page.until('the policy is read', () => page.field('max_em_drop').value === '1')
    await page.fill('max_em_drop', '')
    await give(page, 'back')
    await page.click('Do it')
    await page.shows('2.0 pt allowed')
    t.same((await send('GET', `${url}/policy`)).body.policy, {})
  })

  t.test('a value that the service refuses is explained', async (t) => {
    await page.click('Policy …')
    await page.fill('max_em_drop', '50')
    await page.fill('Reason', 'too much')
    t.match(page.read('dialog[open] label.problem'), /This allows 50 right answers of every hundred questions to be lost/)
    t.ok(isDisabled(page, PREVIEW), 'a bound that may be a slip is typed twice')
    await page.fill('Bound again, in points', '50')
    await page.click(PREVIEW)
    t.match(page.read('dialog[open] [role=alert]'), /▲ max_em_drop must be at most 0\.1, since 0\.5 means that 50 points of EM may be lost: for half a point state 0\.005/)
    t.equal(page.all('button.danger').length, 0)
    await page.click('Cancel')
  })

  t.test('a reset says that evidence starts from zero', async (t) => {
    await page.click('Reset …')
    t.match(page.text(), 'This cannot be undone.')
    await give(page, 'new weights')
    t.same(page.table('Effect')[1]!.slice(-1), ['evidence starts from zero'])
    await page.click('Do it')
    await page.until('the new epoch is shown', async () => {
      await page.send('change')
      return /epoch 2/.test(page.text())
    })
    t.same(page.tile('Threshold in force'), ['never stop', 'None is certified yet'])
  })

  t.same(changesOf(page).filter(({ path }) => !/dry_run=true|confirm=/.test(path)), [], 'nothing was changed without a dry run')
})

t.test('the score of a pin must be one, and its lifetime is sent in seconds', async (t) => {
  const page = await openPage(t, CONTEXT_VIEW, serviceWith({ context: example('context', { threshold: null }) }))
  await page.click('Pin …')
  await page.fill('Reason', 'r')
  await page.choose('stop from a score of')
  t.ok(isDisabled(page, PREVIEW), 'an empty score is none')
  for (const [score, isRefused] of [['1.5', true], ['-0.1', true], ['x', true], ['0.98', false]] as const) {
    await page.fill('Score, 0 to 1', score)
    t.equal(isDisabled(page, PREVIEW), isRefused, score)
  }
  for (const [lifetime, field] of [['86400', { expires_in_seconds: 86_400 }], ['', {}]] as const) {
    await page.fill('For', lifetime)
    await page.click(PREVIEW)
    t.same(changesOf(page).at(-1)!.body, { threshold: 0.98, reason: 'r', ...field })
  }
})

t.test('the policy of an unknown context can be set in advance, and is then shown', async (t) => {
  const { send } = await build(t)
  const page = await openPage(t, '#/context/model%3Dx', async ({ method, path, body }) => await send(method as 'GET', `/${path}`, body))
  await page.click('Set a policy in advance …')
  await page.until('the policy is read', () => page.field('max_em_drop').placeholder === '2')
  await page.fill('max_em_drop', '1')
  await give(page, 'before launch')
  await page.click('Do it')
  await page.shows('It has a policy, which applies from its first generation: {"max_em_drop":0.01}')
  for (const { path } of changesOf(page)) t.match(path, 'create=true')
})

t.test('a command that fails after its dry run stays open with the message of the service', async (t) => {
  const effect = { dry_run: true, confirm: 'c', contexts: [], total: 0, changing: 0, warnings: ['pin_without_effect'] }
  const page = await openPage(t, CONTEXT_VIEW, (request) => {
    if (request.method === 'GET') return serviceWith()(request)
    return request.path.includes('dry_run') ? { status: 200, body: effect } : { status: 409, body: { code: 'UNCONFIRMED', message: 'Other contexts would change now.' } }
  })
  await page.click('Reset …')
  await page.fill('Reason', 'r')
  await page.click(PREVIEW)
  t.match(page.text(), 'No threshold, mode or epoch would change, of 0 contexts that the call applies to.')
  t.match(page.text(), '▲ The pin would hold for no context')
  await page.click('Do it')
  t.equal(page.read('dialog[open] [role=alert]'), '▲ Other contexts would change now.')
  t.ok(page.control(PREVIEW), 'the effect must be seen again')
})

t.test('a dry run states the tokens a day that a change costs, or that they are unknown', async (t) => {
  const cost = async (tokens_saved_per_day: object, contexts: object[] = [], total = 3) => {
    const page = await openPage(t, CONTEXT_VIEW, (request) => request.method === 'GET'
      ? serviceWith()(request)
      : { status: 200, body: { dry_run: true, confirm: 'c', contexts, total, changing: 2, tokens_saved_per_day } })
    await page.click('Reset …')
    await page.fill('Reason', 'r')
    await page.click(PREVIEW)
    return page
  }
  const row = { key: 'model=q', before: 0.9, after: null, tokens_saved_per_day_before: 1_860_000, tokens_saved_per_day_after: null }
  const page = await cost({ before: 1_860_000, after: -12_000, unknown: 1 }, [row])
  t.match(page.text(), '1.87M tokens a day fewer would be saved at today’s traffic: −12K instead of 1.86M, net of probes. Unknown for 1 changing context: less than an hour of traffic, or no evidence at the threshold.')
  t.equal(page.table('Effect')[1]!.at(-2), '1.86M → –')
  t.match((await cost({ before: null, after: null, unknown: 2 })).text(), 'What this costs in tokens a day is not known. Unknown for 2 changing contexts')
  const unknown = await cost({ before: null, after: null, unknown: 0 })
  t.match(unknown.text(), 'What this costs in tokens a day is not known.')
  t.notMatch(unknown.text(), 'Unknown for')
  t.match((await cost({ before: null, after: null, unknown: 0 }, [], 0)).text(), 'No tokens are saved or lost: this applies to nothing.')
  t.match((await cost({ before: 50, after: 50, unknown: 0 })).text(), 'As many tokens a day as now: 50 saved, net of probes.')
})

t.test('a dry run states the EM that a change costs, and more than five points must be typed', async (t) => {
  const dryRunOf = async (...contexts: object[]) => {
    const page = await openPage(t, CONTEXT_VIEW, (request) => request.method === 'GET'
      ? serviceWith()(request)
      : { status: 200, body: { dry_run: true, confirm: 'c', contexts, total: contexts.length, changing: contexts.length } })
    await page.click('Reset …')
    await page.fill('Reason', 'r')
    await page.click(PREVIEW)
    return page
  }
  const row = { key: 'model=q', before: 0.99, after: 0.9, mode_before: 'enforce', mode_after: 'enforce', max_em_drop_before: 0.02, max_em_drop_after: 0.02, em_drop_before: 0.008 }
  const slip = await dryRunOf({ ...row, em_drop_after: 0.3372 }, { ...row, key: 'model=r', em_drop_after: 0.03 }, { ...row, key: 'model=s', em_drop_after: null })
  t.match(slip.text(), '▲ 33.72 pt of EM would be lost instead of 0.80 pt, in model=q; 2.0 pt are allowed. 1 other context would lose more than now, too. Unknown for 1 context')
  t.ok(isDisabled(slip, 'Do it'))
  await slip.fill('Loss, in points', '3.4')
  t.ok(isDisabled(slip, 'Do it'), 'another number')
  await slip.fill('Loss, in points', '33.7')
  t.notOk(isDisabled(slip, 'Do it'))

  const usual = await dryRunOf({ ...row, max_em_drop_after: 0.05, em_drop_after: 0.04 })
  t.match(usual.text(), '4.00 pt of EM would be lost instead of 0.80 pt, in model=q; 5.0 pt are allowed.')
  t.notOk(isDisabled(usual, 'Do it'))
  const off = await dryRunOf({ ...row, after: 0.99, mode_after: 'off', em_drop_after: 0 })
  t.match(off.text(), 'No context would lose more EM than now.')
  t.same(off.table('Effect')[1]!.slice(1, 5), ['0.99', 'enforce → off', '2.00 pt', '0.80 pt → 0.00 pt'])
  const same = await dryRunOf({ ...row, after: 0.99, em_drop_after: 0.008, new_epoch: true })
  t.equal(same.table('Effect')[1]![4], '0.80 pt', 'a figure that stays is shown once')
  t.match((await dryRunOf({ ...row, em_drop_after: null })).text(), 'What this costs in EM is not known. Unknown for 1 context: no evidence at the threshold.')

  const lasting = { ...row, after: null, em_drop_after: 0, undo_restores: false }
  t.match((await dryRunOf(lasting)).text(), '▲ Undoing this would not bring back the threshold of model=q before the evidence certifies it again.')
  t.match((await dryRunOf(lasting, { ...lasting, key: 'model=r' })).text(), 'Undoing this would not bring back 2 thresholds')
  t.notMatch((await dryRunOf({ ...lasting, undo_restores: true })).text(), 'Undoing this')
})

t.test('a long list of effects is cut short', async (t) => {
  const contexts = Array.from({ length: 200 }, (_, i) => ({ key: `model=m${i}`, before: 0.9, after: null, mode_before: 'enforce', mode_after: 'enforce', new_epoch: true, post_hoc: true }))
  const page = await openPage(t, CONTEXT_VIEW, (request) => request.method === 'GET'
    ? serviceWith()(request)
    : { status: 200, body: { dry_run: true, confirm: 'c', contexts, total: 1500, changing: 1200 } })
  await page.click('Reset …')
  await page.fill('Reason', 'r')
  await page.click(PREVIEW)
  t.match(page.text(), '1,200 would change, of 1,500 contexts that the call applies to.')
  t.equal(page.table('Effect').length, 21)
  t.equal(page.table('Effect')[1]!.at(-1), 'evidence starts from zero, bar thirty times higher')
  t.match(page.text(), 'and 1,480 more')
})

t.test('a policy that cannot be read says so', async (t) => {
  const page = await openPage(t, CONTEXT_VIEW, serviceWith({ policy: failure(503, 'STORE_UNAVAILABLE', 'The store cannot be reached.') }))
  await page.click('Policy …')
  t.match(page.text(), '▲ The store cannot be reached, so this cannot be read now.')
  t.equal(page.all('dialog[open] .field').length, 0, 'fields whose values are unknown would look inherited')
})
