import fc from 'fast-check'
import t from 'tap'
import { stepAt, type Columns } from '../../src/core/decide/decide-columns.js'
import { GRID } from '../../src/core/certificate/grid.js'
import { certify, CONTEXT } from '../certify.js'
import { badCells, columnsWith } from '../core/decide/random-columns.js'
import { build } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'

const url = '/v1/decisions/columns'

t.test('a reply lists rows, errors and the rules of contexts', async (t) => {
  const built = await build(t)
  await certify(built)
  const { status, body } = await built.send('POST', url, {
    contexts: [CONTEXT, { model: 'q', task: 'new' }],
    context: [0, 0, 0, 1, 0],
    tokens: [32, 32, 32, 32, -1],
    confidence: [0.99, 0.99, 0.01, 0.99, 0.99],
    arms: ['treated', 'control', 'treated', 'control', 'treated'],
    probed_score: [null, null, null, 1, null],
  })
  t.equal(status, 200)
  t.match(body, { stop: [0], control: [1, 3], would_stop: [0, 1], probe: [1], stale: false, errors: [{ index: 4, path: '/tokens/4', message: /must be >= 0/ }] })
  t.strictSame(body.contexts, [
    { threshold: GRID.at(-1), check_every_tokens: 32, check_growth: 0, min_tokens: 0, warnings: [] },
    { threshold: null, check_every_tokens: 32, check_growth: 0, min_tokens: 0, warnings: [] },
  ])
  t.equal(body.model_version, built.service.snapshot().version)
})

t.test('columns and single steps agree and refuse the same rows', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: '{"follow_up_seconds":0,"control_rate":0.5,"min_tokens":64}' })
  await certify(built, CONTEXT, 400)
  const mine = columnsWith(badCells, 6).map((columns) => ({ ...columns, contexts: [...columns.contexts.slice(1), CONTEXT] }))
  let refused = 0
  await fc.assert(fc.asyncProperty(mine, async (drawn) => {
    const columns: Columns = JSON.parse(JSON.stringify(drawn))
    const { status, body } = await built.send('POST', url, columns)
    t.equal(status, 200)
    for (const row of columns.context.keys()) {
      const error = body.errors.find(({ index }: { index: number }) => index === row)
      if (columns.contexts[columns.context[row]!] === undefined || !Number.isInteger(columns.context[row])) { t.ok(error); continue }
      const { status, body: single } = await built.send('POST', '/v1/decisions', stepAt(columns, row))
      t.equal(error === undefined, status === 200, JSON.stringify({ error, single, step: stepAt(columns, row) }))
      const is = (list: string) => body[list].includes(row)
      if (error !== undefined) { refused++; t.notOk(is('stop') || is('control') || is('would_stop') || is('probe')); continue }
      t.strictSame(
        { stop: is('stop'), control: is('control'), would_stop: is('would_stop'), probe: is('probe'), threshold: body.contexts[columns.context[row]!].threshold, version: body.model_version },
        { stop: single.decision === 'stop', control: single.arm === 'control', would_stop: single.would_stop, probe: single.probe, threshold: single.threshold, version: single.model_version })
    }
  }), { numRuns: 60, seed: 1 })
  t.ok(refused > 10, `${refused} rows were refused`)
})

t.test('control rows are recorded like single steps', async (t) => {
  const built = await build(t)
  const columns = {
    contexts: [CONTEXT], context: [0, 0, 0], tokens: [32, 32, 32], confidence: [0.5, 0.6, 0.7], generation_ids: ['a', 'b', null], arms: ['control', 'treated', 'control'], em: [1, null, null], signals: { entropy: [2, 2, 2] },
  }
  await built.send('POST', url, columns)
  await built.send('POST', url, { ...columns, tokens: [64, 64, -1] })
  await built.recorder.flush()
  t.strictSame([...await built.store.stepRecords.read(['a', 'b'])], [['a', [
    { tokens: 32, confidence: 0.5, em: 1, signals: { entropy: 2 } }, { tokens: 64, confidence: 0.5, em: 1, signals: { entropy: 2 } },
  ]]])
})

t.test('rows whose policy is off or records no steps are not recorded', async (t) => {
  const built = await build(t)
  const tasks = ['kept', 'off', 'mute']
  await built.send('PUT', '/v1/contexts/model=q,task=off/policy', { mode: 'off' })
  await built.send('PUT', '/v1/contexts/model=q,task=mute/policy', { record_steps: false })
  await built.send('POST', url, {
    contexts: tasks.map((task) => ({ model: 'q', task })), context: [0, 1, 2], tokens: [32, 32, 32], confidence: [0.5, 0.5, 0.5], generation_ids: tasks, arms: Array(3).fill('control'),
  })
  await built.recorder.flush()
  t.same([...(await built.store.stepRecords.read(tasks)).keys()], ['kept'])
})

t.test('decisions are counted by reason, without invalid rows', async (t) => {
  const { send, metrics } = await build(t)
  await send('POST', url, { contexts: [{}], context: [0, 0, 0], tokens: [1, 1, -1], confidence: [1, 1, 1] })
  t.match(await metrics.render(), 'stopgate_decisions_total{decision="continue",reason="no_threshold"} 2\n')
})

t.test('a bound token gets only its own rows', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ tenant: 'worker model=q' }) })
  const { status, body } = await send('POST', url, { contexts: [{ model: 'r' }, CONTEXT], context: [0, 1], tokens: [1, 1], confidence: [1, 1], arms: ['control', 'control'] }, bearer('tenant'))
  t.equal(status, 200)
  t.match(body, { errors: [{ index: 0, path: '/contexts/0', message: /bound to model=q/ }], control: [1] })
  t.equal(body.contexts[0], null, 'nothing is revealed about a foreign context')
})

t.test('a body that is not columns is refused', async (t) => {
  const { send } = await build(t)
  const good = { contexts: [{}], context: [0], tokens: [1], confidence: [1] }
  for (const [body, path] of [[{ ...good, tokens: [1, 2] }, '/tokens'], [{ ...good, context: Array(4097).fill(0) }, '/context'], [{ ...good, arm: [] }, '/arm'], [[], '']] as const) {
    t.match(await send('POST', url, body), { status: 400, body: { code: 'INVALID_INPUT', details: [{ path }] } })
  }
  const rows = 4096
  const { status, body } = await send('POST', url, { contexts: [{}], context: Array(rows).fill(0), tokens: Array(rows).fill(1), confidence: Array(rows).fill(1), arms: Array(rows).fill('control') })
  t.equal(status, 200)
  t.equal(body.control.length, rows)
})
