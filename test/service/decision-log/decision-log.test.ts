import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { gradeOutcome } from '../../../src/core/outcome/outcome.js'
import { createDecisionLog, LogShare } from '../../../src/service/decision-log/decision-log.js'
import { createMetrics } from '../../../src/service/metrics/metrics.js'
import type { TextBatch } from '../../../src/store/event-store.js'
import { StoreUnavailableError } from '../../../src/store/store-errors.js'
import { snapshotOf } from '../../core/decide/snapshot-of.js'
import { temporaryFolder, until } from '../../helper.js'
import { TAKEN } from './taken-decision.js'

const decision = TAKEN

function logOn (t: Test, { file = '', mib = 64 } = {}) {
  const events = new Map<string, string[]>()
  let failure: Error | null = null
  const store = {
    async append ({ ids, starts, texts }: TextBatch) {
      if (failure !== null) throw failure
      for (const [i, id] of ids.entries()) events.set(id, [...events.get(id) ?? [], ...texts.slice(starts[i]!, starts[i + 1]!)])
      return texts.length
    },
  }
  const metrics = createMetrics()
  const config = { decisionLogMib: mib, decisionLogFile: file, decisionLogTreatedShare: 0 }
  const decisionLog = createDecisionLog({ events: store, snapshotHolder: { snapshot: () => snapshotOf({}) }, config, metrics, log: pino({ level: 'silent' }) })
  t.teardown(() => decisionLog.close())
  const counted = async (result: string) => Number(new RegExp(`stopgate_decision_log_events_total{result="${result}"} (\\d+)`).exec(await metrics.render())![1])
  return { decisionLog, events, counted, fail (error: Error | null) { failure = error } }
}

t.test('decisions, outcomes and labels of a generation are stored together, without the text of answers', async (t) => {
  const { decisionLog, events, counted } = logOn(t)
  decisionLog.decided(decision)
  decisionLog.decided({ ...decision, id: 'h' })
  decisionLog.reported('g', gradeOutcome('salt', { generation_id: 'g', arm: 'control', tokens: 64, em: 1 }), 'SECRET')
  decisionLog.reported('t', gradeOutcome('salt', { generation_id: 't', arm: 'treated', tokens: 64, em: 1 }), 'SECRET')
  decisionLog.labelled('g', { type: 'label', generation_id: 'g', em: 1 })
  t.equal(events.size, 0, 'nothing is written at once')
  await decisionLog.flush()
  t.strictSame([...events].map(([id, texts]) => [id, texts.map((text) => JSON.parse(text).event)]), [['g', ['decision', 'outcome', 'label']], ['h', ['decision']]])
  t.notMatch(JSON.stringify([...events]), 'SECRET')
  t.match(events.get('g')![1], /"answer_digest":"[0-9a-f]{16}"/)
  t.equal(await counted('stored'), 4)
})

t.test('logged events are stored periodically, and at the end', async (t) => {
  const { decisionLog, events } = logOn(t)
  decisionLog.decided(decision)
  await until('it is stored', () => events.has('g'))
  decisionLog.decided({ ...decision, id: 'last' })
  await decisionLog.close()
  t.ok(events.has('last'))
})

t.test('more than an interval takes is dropped and counted, and then fewer generations are taken', async (t) => {
  const { decisionLog, counted } = logOn(t)
  for (let i = 0; i < 1032; i++) decisionLog.decided(decision)
  await decisionLog.flush()
  t.same([await counted('stored'), await counted('dropped')], [1024, 8])
  const taken = () => Array.from({ length: 1000 }, (_, i) => decisionLog.takes(`g${i}`, 'control')).filter(Boolean).length
  await until('the share is adapted', () => taken() < 1000)
  t.ok(taken() > 400 && taken() < 600)
})

t.test('events that arrive while the store is down are dropped, and the log goes on afterwards', async (t) => {
  const { decisionLog, events, counted, fail } = logOn(t)
  for (const error of [new StoreUnavailableError('gone'), new Error('a bug')]) {
    fail(error)
    decisionLog.decided(decision)
    await decisionLog.flush()
  }
  t.equal(await counted('dropped'), 2)
  fail(null)
  decisionLog.decided(decision)
  await decisionLog.flush()
  t.equal(events.get('g')!.length, 1)
})

t.test('the log is also written as lines, with or without the store', async (t) => {
  const file = join(await temporaryFolder(t), 'decisions.jsonl')
  const { decisionLog, events } = logOn(t, { file, mib: 0 })
  decisionLog.decided(decision)
  decisionLog.labelled('g', { type: 'label', generation_id: 'g', em: 1 })
  await decisionLog.close()
  const lines = (await readFile(file, 'utf8')).trim().split('\n').map((line) => JSON.parse(line))
  t.match(lines, [{ generation_id: 'g', event: 'decision', tokens: 32, reason: 'no_threshold' }, { generation_id: 'g', event: 'label', em: 1 }])
  t.equal(events.size, 0)
})

t.test('without a store and a file nothing is taken', async (t) => {
  const { decisionLog } = logOn(t, { mib: 0 })
  t.equal(decisionLog.takes('g', 'control'), false)
  t.equal(decisionLog.isTreatedTaken, false)
  await decisionLog.flush()
})

const IDS = Array.from({ length: 20_000 }, (_, i) => `generation-${i}`)
const taken = (share: LogShare, arm: 'control' | 'treated') => IDS.filter((id) => share.takes(id, arm))

t.test('all control generations and a share of the treated ones are taken, the same on every replica', async (t) => {
  const share = new LogShare(0.01)
  t.equal(taken(share, 'control').length, IDS.length)
  const treated = taken(share, 'treated')
  t.ok(treated.length > 150 && treated.length < 250, `${treated.length} of 20,000`)
  t.strictSame(taken(new LogShare(0.01), 'treated'), treated)
  t.equal(share.isTreatedTaken, true)
})

t.test('the share holds for ids of any form', async (t) => {
  const forms: Array<(i: number) => string> = [
    (i) => `${i}`, (i) => `cmpl-3f2a91c4-${i}-0`, (i) => `3f2a91c4-77de-4b1c-9c0e-${i.toString(16).padStart(12, '0')}`, (i) => `é${i}ü`, (i) => `prompt ${i}, sample 3`,
    (i) => `prompt-${i}-model-qwen3-8b-s0`, (i) => `${i}-completion-000001`,
  ]
  for (const form of forms) {
    const count = IDS.filter((_, i) => new LogShare(0.1).takes(form(i), 'treated')).length
    t.ok(count > 1800 && count < 2200, `${form(7)}: ${count} of 20,000`)
  }
})

t.test('a share of 0 takes no treated generation, and a share of 1 takes all', async (t) => {
  t.strictSame(taken(new LogShare(0), 'treated'), [])
  t.equal(new LogShare(0).isTreatedTaken, false)
  t.equal(taken(new LogShare(1), 'treated').length, IDS.length)
})

t.test('under load whole generations are left out, and they come back when it is calm', async (t) => {
  const share = new LogShare(1)
  share.adapt(100, 1, 100)
  const half = taken(share, 'control')
  t.ok(half.length > 9600 && half.length < 10_400)
  share.adapt(100, 1, 100)
  const quarter = taken(share, 'control')
  t.ok(quarter.length < 5400 && quarter.every((id) => half.includes(id)), 'a smaller share is part of a larger one')
  share.adapt(60, 0, 100)
  t.equal(taken(share, 'control').length, quarter.length, 'not calm enough')
  for (let i = 0; i < 3; i++) share.adapt(0, 0, 100)
  t.equal(taken(share, 'control').length, IDS.length)
})

t.test('some generations are taken under any load', async (t) => {
  const share = new LogShare(1)
  for (let i = 0; i < 100; i++) share.adapt(100, 1, 100)
  for (let i = 0; i < 16; i++) share.adapt(0, 0, 100)
  t.equal(taken(share, 'control').length, IDS.length)
})
