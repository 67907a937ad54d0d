import t from 'tap'
import { isBlocking, isRepaired, mayCertify, noteBlock } from '../../../src/core/evidence/blocks.js'
import type { FollowUp } from '../../../src/core/evidence/follow-up-counts.js'
import { countUnits, newReports, type Reports } from '../../../src/core/evidence/reports.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'

const reportsOf = (more: Partial<FollowUp>) => countUnits(newReports(undefined, 0), more)

/** The reports after units that come one by one. */
function after (from: Reports, units: number, each: (i: number) => Partial<FollowUp>): Reports {
  let reports = from
  for (let i = 0; i < units; i++) reports = countUnits(reports, each(i))
  return reports
}

const enrolled = () => ({ enrolled: 1 })
const fifthLeftOut = (i: number) => i % 5 === 0 ? { left_out: 1 } : { enrolled: 1 }

t.test('a threshold may be certified while no more than twice the bound is left out, lacks steps, or is unmarked', async (t) => {
  const mayWith = (counts: Partial<FollowUp>) => mayCertify(reportsOf(counts), DEFAULT_POLICY)
  t.ok(mayWith({}))
  t.ok(mayWith({ enrolled: 96, left_out: 4 }))
  t.notOk(mayWith({ enrolled: 95, left_out: 5 }))
  t.ok(mayWith({ reported: 100, unmarked: 4 }))
  t.notOk(mayWith({ reported: 100, unmarked: 5 }))
  t.ok(mayWith({ reported: 96, steps_missing: 4 }))
  t.notOk(mayWith({ reported: 95, steps_missing: 5 }))
  t.ok(mayWith({ enrolled: 5, left_out: 3 }), 'too few to tell')
})

t.test('E9: evidence begins again when a block is over, unless a threshold is in force', async (t) => {
  const unmarked = () => ({ reported: 1, unmarked: 1 })
  const stepless = () => ({ steps_missing: 1 })
  const reported = () => ({ reported: 1 })
  for (const [fault, repair] of [[fifthLeftOut, enrolled], [unmarked, reported], [stepless, reported]] as const) {
    const faulty = after({ ...newReports(undefined, 0), is_blocked: true }, 2000, fault)
    t.ok(isBlocking(faulty, DEFAULT_POLICY))
    t.notOk(isRepaired(faulty, -1, DEFAULT_POLICY))
    const now = after(faulty, 1024, repair)
    t.notOk(isBlocking(now, DEFAULT_POLICY))
    t.notOk(mayCertify(now, DEFAULT_POLICY), 'the epoch still holds what was gathered before')
    t.ok(isRepaired(now, -1, DEFAULT_POLICY))
    t.notOk(isRepaired({ ...now, is_blocked: false }, -1, DEFAULT_POLICY), 'nothing was blocked')
    t.notOk(isRepaired(now, 3, DEFAULT_POLICY), 'a threshold in force stays')
  }
})

t.test('a block ends at half of what begins it, so that it does not end and begin again and again', async (t) => {
  const left = (units: number) => {
    const { recent } = reportsOf({ enrolled: 1000 - units, left_out: units })
    return isRepaired({ ...newReports(undefined, 0), recent, is_blocked: true }, -1, DEFAULT_POLICY)
  }
  t.notOk(left(21))
  t.ok(left(20))
})

t.test('outcomes that wait for their entries block a certificate while they are more than twice the bound of all', async (t) => {
  t.ok(mayCertify(reportsOf({ enrolled: 96 }), DEFAULT_POLICY, 4))
  t.notOk(mayCertify(reportsOf({ enrolled: 95 }), DEFAULT_POLICY, 5))
})

t.test('a fault is noted once, and stays noted until evidence begins again', async (t) => {
  const clear = reportsOf({ enrolled: 96, left_out: 4 })
  t.equal(noteBlock(clear, DEFAULT_POLICY), clear)
  const blocked = noteBlock(reportsOf({ enrolled: 95, left_out: 5 }), DEFAULT_POLICY)
  t.ok(blocked.is_blocked)
  const repaired = after(blocked, 2000, enrolled)
  t.ok(noteBlock(repaired, DEFAULT_POLICY).is_blocked)
})
