import { pino } from 'pino'
import t from 'tap'
import { scaledTimes } from '../../src/core/enrolment/times.js'
import type { EnrolmentList } from '../../src/core/enrolment/enrolment-list.js'
import type { LogEntry } from '../../src/core/learn/log-entry.js'
import { createEnroller } from '../../src/decisions/enroller.js'
import { StoreUnavailableError } from '../../src/store/store-errors.js'
import { until } from '../helper.js'

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
  const enroller = createEnroller({ store, log })
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
