import t from 'tap'
import { Cohorts } from '../../src/core/enrolment/cohorts.js'
import { ENROLMENT_TIMES, scaledTimes } from '../../src/core/enrolment/times.js'
import { newLedger } from '../../src/core/learn/fold.js'
import { PendingOutcomes } from '../../src/core/recording/pending.js'
import { Reservoir } from '../../src/core/predictor/reservoir.js'
import { foldEntries, type Memory } from '../../src/learning/fold-entries.js'
import { followUpTicks } from '../../src/learning/follow-up-ticks.js'
import type { LogEntry } from '../../src/core/learn/log-entry.js'

const KEY = 'model=q,task=a'
const FOLLOW_UP_S = 100

/** A learner whose log has no entries but those given and the ticks that are due, played by a clock. */
function quietService (times = ENROLMENT_TIMES) {
  const configuration = { levels: ['model', 'task'], defaults: { follow_up_seconds: FOLLOW_UP_S }, max_contexts: 100 }
  const memory: Memory = {
    cursor: '0-0', ledger: newLedger(configuration), contexts: new Map(), pending: new PendingOutcomes(), cohorts: new Cohorts(), reservoir: new Reservoir(), predictors: new Map(),
  }
  const isDue = followUpTicks(times)
  let now = 0
  const fold = (entry: LogEntry) => { foldEntries(memory, [{ cursor: `${now}-0`, time: now, entry }], times) }
  /** Lets time pass in steps, as the learner's loop does. @returns when ticks came, ms */
  const pass = (ms: number, step = 100) => {
    const ticks: number[] = []
    for (const end = now + ms; now < end;) {
      now += step
      if (!isDue(memory, now)) continue
      fold({ type: 'tick' })
      ticks.push(now)
    }
    return ticks
  }
  let lists = 0
  const enrol = (key: string, ...draws: number[]) => {
    fold({ type: 'enrolment', boot: 'b', number: ++lists, age: 0, entries: [{ key, epoch: null, share: 1, draws: draws.map((u) => [u, u] as const) }] })
  }
  return { memory, pass, enrol }
}

t.test('without anybody enrolled no tick is due', async (t) => {
  const { pass } = quietService()
  t.same(pass(60_000), [])
})

t.test('in a quiet service ticks keep the follow-up clock going, and missing outcomes are given up in time', async (t) => {
  const { memory, pass, enrol } = quietService()
  pass(5000)
  enrol(KEY, 0.25, 0.5)
  const ticks = pass(FOLLOW_UP_S * 1000 + 2000)
  t.match(memory.contexts.get(KEY)!.follow_up, { enrolled: 2, missing: 2, accounted: 0 })
  const gaps = ticks.map((at, i) => at - (ticks[i - 1] ?? 5000))
  t.ok(gaps.every((gap) => gap >= 1000 && gap <= 5000), String(gaps))
  t.ok(ticks.length <= 30, `${ticks.length} ticks, about one for four seconds`)
  t.equal(memory.cohorts.clock, ticks.at(-1)! - 5000, 'the clock lost nothing')
  t.same(pass(60_000), [], 'no generation is left')
})

t.test('traffic elsewhere does not keep a context from its follow-up', async (t) => {
  const { memory, pass, enrol } = quietService()
  enrol(KEY, 0.25)
  for (let second = 1; second <= FOLLOW_UP_S + 2; second++) {
    pass(1000)
    enrol('model=q,task=b', second / 1000)
  }
  t.match(memory.contexts.get(KEY)!.follow_up, { missing: 1 })
})

t.test('ticks come as much faster as the times of enrolment are scaled', async (t) => {
  const { pass, enrol } = quietService(scaledTimes(0.01))
  enrol(KEY, 0.25)
  const ticks = pass(1000, 1)
  t.ok(ticks.length >= 20 && ticks.length <= 100, `${ticks.length} ticks in a second`)
})
