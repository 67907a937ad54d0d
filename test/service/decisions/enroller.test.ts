import { pino } from 'pino'
import t from 'tap'
import { secondHash, uniform } from '../../../src/core/decide/arm.js'
import { ENROLMENT_TIMES, type EnrolmentList, scaledTimes } from '../../../src/core/evidence/enrolment-list.js'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { ANYBODY } from '../../../src/service/access/context-access.js'
import { acceptEnrolments, createEnroller, type EnrolmentReport } from '../../../src/service/decisions/enroller.js'
import { StoreUnavailableError } from '../../../src/store/store-errors.js'
import { snapshotOf } from '../../core/decide/snapshot-of.js'
import { build, until } from '../../helper.js'

const context = { model: 'q', task: 'gsm8k' }
const report: EnrolmentReport = { context, epoch: '7-0', share: 0.2, age_ms: 40, generations: [] }
const generations = Array.from({ length: 200 }, (_, i) => ({ generation_id: `g${i}` }))

async function enrolling (t: Parameters<typeof build>[0], policy = '{}') {
  const { config, snapshotHolder } = await build(t, { DEFAULT_POLICY: policy })
  const calls: unknown[][] = []
  const enrol = (...call: unknown[]) => { calls.push(call) }
  const services = { config, snapshotHolder, enroller: { oldestMs: 5000, within: () => ({ enrol }) } }
  return { services, calls, salt: snapshotHolder.snapshot().salt! }
}

t.test('control draws are enrolled, by the ids', async (t) => {
  const { services, calls, salt } = await enrolling(t)
  const enrolled = acceptEnrolments(services, { ...report, generations }, ANYBODY)
  const draws = generations.map(({ generation_id: id }) => [uniform(salt, id), secondHash(salt, id)] as const)
  const expected = draws.filter(([u]) => u < 0.2)
  t.ok(enrolled > 20 && enrolled < 60)
  t.strictSame(calls, expected.map(([u, hash]) => [{ key: 'model=q,task=gsm8k', epoch: '7-0', share: 0.2 }, u, hash, 40]))
})

t.test('a group is drawn by its own id, and enrolled by its first sample', async (t) => {
  const { services, calls, salt } = await enrolling(t)
  const group = { group_id: 'p', generation_id: 'g' }
  const generations = [{ ...group, sample: 0 }, { ...group, sample: 1 }]
  t.equal(acceptEnrolments(services, { ...report, share: 1, generations }, ANYBODY), 1)
  t.equal(calls[0]![1], uniform(salt, 'p'))
})

t.test('a pool enrols under its own key, and label_rate selects by the second hash', async (t) => {
  const pool = await enrolling(t, '{"certify_at":"model"}')
  acceptEnrolments(pool.services, { ...report, share: 0.5, generations }, ANYBODY)
  t.match(pool.calls[0]![0], { key: 'model=q' })
  const rated = await enrolling(t, '{"label_rate":0.25}')
  const enrolled = acceptEnrolments(rated.services, { ...report, share: 0.5, generations }, ANYBODY)
  const isEnrolled = (id: string) => uniform(rated.salt, id) < 0.5 && secondHash(rated.salt, id) < 0.25
  t.equal(enrolled, generations.filter(({ generation_id: id }) => isEnrolled(id)).length)
})

t.test('a local decider runs a new member of a pool in full, but enrols no more than the share of the pool', async (t) => {
  const { services, calls, salt } = await enrolling(t, '{"certify_at":"model"}')
  const epoch = '7-0'
  const snapshot = { ...snapshotOf({ 'model=q': { index: 3, epochName: epoch, learnedControlShare: 0.1, policy: { certify_at: 'model' } } }), salt }
  const its = { ...services, snapshotHolder: { snapshot: () => snapshot } }
  const enrol = (share: number) => acceptEnrolments(its, { ...report, share, generations }, ANYBODY)
  const below = (bound: number) => generations.filter(({ generation_id: id }) => uniform(salt, id) < bound).length
  t.equal(enrol(1), below(0.1))
  t.match(calls[0]![0], { key: 'model=q', epoch, share: 0.1 })
  t.equal(enrol(0.05), below(0.05), 'at a smaller share it was drawn at that')
})

t.test('unknown levels, foreign contexts and a store that was not reached are refused', async (t) => {
  const { services } = await enrolling(t)
  t.throws(() => acceptEnrolments(services, { ...report, context: { colour: 'red' } }, ANYBODY), { code: 'UNKNOWN_CONTEXT_LEVEL' })
  t.throws(() => acceptEnrolments(services, report, { tokenName: 'r', tokenPrefix: 'model=r' }), { code: 'FORBIDDEN' })
  const snapshotHolder = { snapshot: () => ({ ...services.snapshotHolder.snapshot(), salt: null }) }
  t.throws(() => acceptEnrolments({ ...services, snapshotHolder }, report, ANYBODY), StoreUnavailableError)
})

const DRAWN = { key: 'task=a', epoch: '1-0', share: 1 }
const log = pino({ level: 'silent' })

function storeOf (append: (list: EnrolmentList, calls: number) => Promise<void>) {
  const lists: EnrolmentList[] = []
  return {
    lists,
    append: async (entries: readonly LogEntry[]) => {
      lists.push(entries[0] as EnrolmentList)
      await append(entries[0] as EnrolmentList, lists.length)
      return ['accepted' as const]
    },
  }
}

t.test('draws are appended as one list every tenth of a second, and an empty list is not sent', async (t) => {
  const store = storeOf(async () => {})
  const enroller = createEnroller({ store, log, times: ENROLMENT_TIMES })
  enroller.enrol(DRAWN, 0.1, 0.5)
  enroller.enrol(DRAWN, 0.2, 0.4)
  await until('a list is sent', () => store.lists[0])
  enroller.enrol(DRAWN, 0.3, 0.3)
  await enroller.close()
  t.match(store.lists, [
    { type: 'enrolment', number: 1, entries: [{ ...DRAWN, draws: [[0.1, 0.5], [0.2, 0.4]] }] },
    { number: 2, boot: store.lists[0]!.boot, entries: [{ draws: [[0.3, 0.3]] }] },
  ])
  t.equal(store.lists.length, 2)
  t.equal(store.lists[0]!.after, undefined)
  t.ok(store.lists[1]!.after! >= 0 && store.lists[1]!.after! < 60_000)
  t.ok(store.lists[0]!.age >= 0 && store.lists[0]!.age < 60_000)
})

t.test('a list that the store refuses or does not answer is sent again under its number, older', async (t) => {
  const store = storeOf((_, calls) => calls === 1
    ? Promise.reject(new StoreUnavailableError('away'))
    : calls === 2 ? new Promise(() => {}) : Promise.resolve())
  const enroller = createEnroller({ store, log, times: scaledTimes(0.1) })
  enroller.enrol(DRAWN, 0.1, 0.5, 30)
  await until('it is sent a third time', () => store.lists[2])
  await enroller.close()
  t.same(store.lists.map(({ number }) => number), [1, 1, 1])
  const ages = store.lists.map(({ age }) => age)
  t.ok(ages[0]! >= 30 && ages[2]! >= ages[1]! + 190 && ages[1]! > ages[0]!, `${ages}`)
})
