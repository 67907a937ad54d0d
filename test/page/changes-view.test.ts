import t, { type Test } from 'tap'
import { openPage } from './open-page.js'
import { example, failure, serviceWith } from './replies.js'

const open = async (t: Test, replies: Parameters<typeof serviceWith>[0] = {}) =>
  await openPage(t, '#/changes', serviceWith(replies))
const [byPin, byEvidence] = example('history').changes
const [command] = example('audit').commands

t.test('changes of thresholds are listed with their causes, and with who made them and why', async (t) => {
  const unreadable = { ...byEvidence!, key: null, epoch: null, cause: 'unreadable', before: null, after: null, by: 'stopgate', version: 12 }
  const off = { ...byEvidence!, key: 'model=steady-8b', cause: 'policy', before: 0.9, after: 0.9, fields: ['mode'], mode_before: 'enforce' as const, mode_after: 'off' as const, version: 36 }
  const pause = { ...off, key: '*', before: null, after: null, version: 33 }
  const end = { ...pause, mode_before: 'off' as const, mode_after: 'enforce' as const, version: 34 }
  const bound = { ...byEvidence!, key: '*', cause: 'policy', before: null, after: null, fields: ['label_rate', 'max_em_drop'], version: 32 }
  const alarm = { since: '2026-11-25T11:31:00.000Z', em_drop: 0.125, generations: 48, stops: 130 }
  const drift = { ...byEvidence!, cause: 'drift', before: 0.973, after: null, alarm, version: 38 }
  const page = await open(t, { history: { changes: [byPin!, drift, off, byEvidence!, end, pause, bound, unreadable], next: null } })
  const [head, ...rows] = page.table('Changes of thresholds')
  t.same(head, ['Time', 'Context', 'Cause', 'Change', 'Why', 'Version'])
  t.same(rows.map(([, ...cells]) => cells), [
    ['model=steady-8b,task=choices', 'pin', 'never stop → 0.98', 'anonymous: incident 42', '39'],
    ['model=steady-8b,task=math', 'drift', '0.973 → never stop', rows[1]![4], '38'],
    ['model=steady-8b', 'policy: mode', 'stopping enabled → stopping disabled', '–', '36'],
    ['model=steady-8b,task=math', 'evidence', '0.994 → 0.973', '–', '35'],
    ['*', 'pause ended', 'stopping disabled → stopping enabled', '–', '34'],
    ['*', 'paused', 'stopping enabled → stopping disabled', '–', '33'],
    ['*', 'policy: label_rate, max_em_drop', '–', '–', '32'],
    ['unreadable', 'unreadable', 'never stop', 'stopgate', '12'],
  ])
  t.match(rows[0]![0], /^25 Nov 2026, \d\d:\d\d:10$/)
  t.match(rows[1]![4], /^since 25 Nov 2026, \d\d:31:00: about 12.5 pt of EM lost in 48 generations; 130 stops until then$/)
  await page.click('130 stops until then')
  t.equal(page.window.location.hash, '#/generation?stops=model%3Dsteady-8b%2Ctask%3Dmath&since=2026-11-25T11%3A31%3A00.000Z&until=2026-11-25T11%3A35%3A28.399Z')
})

t.test('a context of the list leads to its view', async (t) => {
  const page = await open(t)
  await page.click('model=steady-8b,task=math')
  t.equal(page.read('h1'), 'model=steady-8b,task=math')
})

t.test('the audit trail lists who commanded what and why', async (t) => {
  const base = { id: '1', time: command!.time, by: 'alice', key: 'model=q', replaced: null, version: 3 }
  const page = await open(t, {
    audit: {
      commands: [
        command!,
        { ...base, type: 'policy', key: '*', reason: 'incident', policy: { mode: 'off' } },
        { ...base, type: 'policy', key: '*', reason: 'over', policy: null, replaced: { mode: 'off' } },
        { ...base, type: 'policy', reason: null, policy: { mode: 'shadow' } },
        { ...base, type: 'policy', reason: 'over', policy: null, replaced: { mode: 'shadow' } },
        { ...base, type: 'reset', reason: 'new weights' },
        { ...base, type: 'predictor', key: null, reason: 'worse', predictor: { name: 'p-7', action: 'retired' } },
        { ...base, type: 'pin', reason: '<b>over</b>', pin: null },
      ],
      next: null,
    },
  })
  const [head, ...rows] = page.table('Audit trail')
  t.same(head, ['Time', 'Who', 'What', 'Context', 'From', 'To', 'Reason', 'Undo'])
  t.same(rows.map(([, ...cells]) => cells), [
    ['anonymous', 'pin', 'model=steady-8b,task=choices', 'none', '{"threshold":0.98,"expires_at":null}', 'incident 42', '–'],
    ['alice', 'pause', '*', 'none', '{"mode":"off"}', 'incident', 'end the pause'],
    ['alice', 'end of pause', '*', '{"mode":"off"}', 'removed', 'over', 'Restore …'],
    ['alice', 'policy', 'model=q', 'none', '{"mode":"shadow"}', '–', 'Restore …'],
    ['alice', 'policy', 'model=q', '{"mode":"shadow"}', 'removed', 'over', 'Restore …'],
    ['alice', 'reset', 'model=q', '–', '–', 'new weights', '–'],
    ['alice', 'predictor', '–', '–', '{"name":"p-7","action":"retired"}', 'worse', '–'],
    ['alice', 'pin', 'model=q', 'none', 'removed', '<b>over</b>', '–'],
  ])
})

t.test('restoring a policy says by its dry run whether a threshold comes into force', async (t) => {
  const restored = async (...contexts: object[]) => {
    const audit = { commands: [{ ...command!, type: 'policy' as const, key: 'model=q', policy: { mode: 'shadow' as const }, replaced: { max_em_drop: 0.01 } }], next: null }
    const page = await openPage(t, '#/changes', (request) => request.method === 'GET'
      ? serviceWith({ audit })(request)
      : { status: 200, body: { dry_run: true, confirm: 'c', contexts, total: contexts.length, changing: contexts.length } })
    await page.click('Restore …')
    t.notMatch(page.text(), /threshold/, 'nothing is promised before the dry run')
    await page.fill('Reason', 'r')
    await page.click('Show what it would do')
    return page.text()
  }
  const row = { key: 'model=q', before: null, after: 0.9, mode_before: 'enforce', mode_after: 'enforce' }
  t.match(await restored(row), 'The threshold of model=q comes into force at once.')
  t.match(await restored(row, { ...row, key: 'model=r' }, { ...row, key: 'model=s', after: null }), '2 thresholds come into force at once. None is certified yet for 1 other context.')
  t.match(await restored({ ...row, after: null }), 'No threshold comes into force at once, since the evidence certifies none yet.')
  t.notMatch(await restored({ ...row, before: 0.9 }, { ...row, mode_after: 'off' }), /into force/, 'one is in force, or nothing will be stopped')
})

t.test('before the first change both lists say so', async (t) => {
  const page = await open(t, { history: { changes: [], next: null }, audit: { commands: [], next: null } })
  t.match(page.card('Thresholds'), 'No threshold has moved yet.')
  t.match(page.card('Audit trail'), 'Nobody has changed anything yet.')
})

t.test('each list that cannot be read says why, and the other one stays', async (t) => {
  const page = await open(t, { audit: failure(403, 'FORBIDDEN', 'The token is bound to a prefix.') })
  t.match(page.card('Audit trail'), '▲ The token is bound to a prefix.')
  t.equal(page.table('Changes of thresholds').length, 3)
})
