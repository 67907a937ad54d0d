import t from 'tap'
import { mustReport } from '../../../src/core/contexts/reporting.js'
import { NONE_UNREPORTED } from '../../../src/core/enrolment/enrolment-list.js'
import type { LoggedOutcome } from '../../../src/core/outcome/outcome.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { describeContext } from '../../../src/core/reports/context-report.js'
import { mulberry32 } from '../../random.js'
import { certifiedFold, enrolledFold, FOLLOW_UP } from './enrolled-fold.js'
import { CHAIN, LEAF, memoryFold, outcomeOf } from './memory-fold.js'

const treated: Partial<LoggedOutcome> = {
  arm: 'treated', stopped: true, tokens: 55, answer_tokens: 10, steps: null, probe_tokens: 2, stopped_probe: { tokens: 45, exact_match: 1 },
}

/** A fold with a certificate, in which one generation of four is control. */
function sampledFold (policy: PolicyPatch = {}) {
  const fold = certifiedFold({ reports: 'enrolled', control_rate: 0.25, ...policy })
  return Object.assign(fold, { before: fold.state() })
}

t.test('an enrolled treated generation stands for those that do not report, in every sum', async (t) => {
  const fold = sampledFold()
  fold.enrol([0.3], fold.time)
  const root = fold.state('*')
  fold.report(0.3, fold.time + 1000, treated)
  for (const key of CHAIN) {
    const { treated: count, savings, probe_tokens } = fold.state(key)
    t.match({ count, savings, probe_tokens }, { count: 3, savings: { treated: { generations: 3, tokens: 30 } }, probe_tokens: 6 }, key)
  }
  const { treated_sums: sums, generations, spending, savings } = fold.state()
  t.equal(generations, fold.before.generations + 3)
  t.equal(spending.all.tokens, fold.before.spending.all.tokens + 3 * 55)
  t.same(savings.treated.sampled, { nn: 6, nt: 60, tt: 600 }, 'w (w - 1) times 1, 10 and 100')
  t.match(sums, { count_variance: 6, tokens: { samples: 3, sum: 165 }, em: { samples: 3, sum: 3 } })
  t.equal(fold.state('*').savings_history!.tokens, root.savings_history!.tokens + 3 * 57)
})

t.test('an outcome that was not asked for is accepted, and changes no figure', async (t) => {
  const fold = sampledFold()
  const before = fold.state()
  fold.report(0.9, fold.time, treated)
  fold.report(0.9, fold.time, { ...treated, generation_id: 'other', stopped: false })
  const { reporting: _, updated_at: __, treated_sums: ___, ...after } = fold.state()
  const { reporting: ____, updated_at: _____, treated_sums: ______, ...unchanged } = before
  t.same(after, unchanged, 'neither counts nor fidelity')
  fold.report(0.1, fold.time, { arm: 'control' })
  t.equal(fold.state().generations, before.generations + 1, 'a control one counts once')
})

t.test('while all report, each counts once', async (t) => {
  const fold = certifiedFold({ reports: 'all', control_rate: 0.25 })
  for (const u of [0.3, 0.9]) fold.report(u, fold.time, treated)
  t.match(fold.state(), { treated: 2, savings: { treated: { generations: 2, sampled: { nn: 0 } } } })
})

t.test('fidelity goes on where fewer generations report, and counts each of them once', async (t) => {
  const fold = certifiedFold({ reports: 'all', control_rate: 0.25 })
  for (const u of [0.3, 0.6, 0.9]) fold.report(u, fold.time, treated)
  fold.learn({ type: 'policy', key: LEAF, policy: { reports: 'enrolled' }, by: 'ops' }, fold.time)
  t.match(fold.state().fidelity, { generations: 3, stops: 3 }, 'it is not restarted')
  fold.report(0.91, fold.time, treated)
  t.match(fold.state().fidelity, { generations: 3, stops: 3 }, 'one that need not report began before the change, and no longer counts')
  fold.enrol([0.31], fold.time)
  fold.report(0.31, fold.time + 1000, treated)
  t.match(fold.state(), { treated: 3 + 3, fidelity: { generations: 4, stops: 4 } })
})

t.test('a group weighs as a unit', async (t) => {
  const fold = sampledFold()
  fold.enrol([0.3], fold.time)
  for (const id of ['a', 'b']) fold.report(0.3, fold.time + 1000, { ...treated, generation_id: id, sample_index: -1, samples: 2 })
  t.match(fold.state(), { treated: 6, savings: { treated: { generations: 6, sampled: { nn: 6 * 4, nt: 6 * 40, tt: 6 * 400 } } } })
  t.match(fold.state().treated_sums, { count_variance: 24, tokens: { squared: { nn: 36 } } })
})

t.test('a generation whose list has not come yet weighs by the present share', async (t) => {
  const fold = sampledFold()
  fold.report(0.3, fold.time, treated)
  t.equal(fold.state().treated, 3)
  fold.enrol([0.3], fold.time + 100)
  t.equal(fold.state().treated, 3, 'it counts once')
  t.equal(fold.state().treated_sums.tokens.samples, 3)
})

t.test('a generation that was drawn at a smaller share, and whose draw is not at hand, stands for as many as it did', async (t) => {
  const fold = sampledFold({ control_rate: 0.1 })
  fold.report(0.15, fold.time, treated)
  t.equal(fold.state().treated, 9)
  fold.learn({ type: 'policy', key: LEAF, policy: { reports: 'enrolled', control_rate: 0.25, follow_up_seconds: FOLLOW_UP / 1000 }, by: 'ops' }, fold.time)
  t.equal(fold.state().control_share, 0.25)
  const start = fold.state().treated
  const later = (id: string, u: number, time: number) => {
    fold.report(u, time, { ...treated, generation_id: id })
    return fold.state().treated - start
  }
  t.equal(later('a', 0.15, fold.time + 1000), 9)
  t.equal(later('b', 0.22, fold.time + 1000), 10, 'drawn at a share between, it counts once')
  t.equal(later('c', 0.3, fold.time + 1000), 13, 'drawn at the present one')
  t.equal(later('d', 0.15, fold.time + FOLLOW_UP + 2000), 14, 'which share it was is not known after a follow-up')
})

t.test('label_rate thins what reports, and the weights make up for it', async (t) => {
  const fold = sampledFold({ label_rate: 0.5 })
  fold.report(0.3, fold.time, { ...treated, hash: 0.49 })
  fold.report(0.31, fold.time, { ...treated, generation_id: 'thinned', hash: 0.5 })
  t.equal(fold.state().treated, 6)
})

t.test('a late label of an enrolled treated generation joins the estimate of EM', async (t) => {
  const fold = sampledFold()
  fold.enrol([0.3], fold.time)
  const { stopped_probe: _, ...unlabelled } = treated
  fold.report(0.3, fold.time + 1000, { ...unlabelled, full: {} })
  t.match(fold.state().treated_sums, { tokens: { samples: 3 }, em: { samples: 0 } })
  fold.learn({ type: 'label', generation_id: 'g0.3', em: 0 }, fold.time + 2000)
  t.match(fold.state().treated_sums.em, { samples: 3, sum: 0 })
})

t.test('where outcomes count on arrival, nothing is enrolled and all report', async (t) => {
  const fold = memoryFold({ reports: 'enrolled' })
  fold.learn(outcomeOf({ ...treated, u: 0.9 }))
  t.equal(fold.state().treated, 1)
})

t.test('fast traffic lets only enrolled generations report; the history says when that begins and ends', async (t) => {
  const fold = enrolledFold({ control_rate: 0.5 })
  const second = (time: number, generations: number) => {
    for (let i = 0; i < generations; i++) fold.report(0.1 + i * 1e-6, time, { ...treated, generation_id: `${time}-${i}`, stopped: false, arm: 'control' })
  }
  const start = 1_000_000
  for (let s = 0; s <= 60; s++) second(start + s * 1000, 120)
  t.match(fold.state().reporting, { mode: 'enrolled' })
  t.ok(Math.abs(fold.state().reporting.rate! - 120) < 3)
  for (let s = 61; s <= 121; s++) second(start + s * 1000, 10)
  t.equal(fold.state().reporting.mode, 'all')
  t.match(fold.changes.filter(({ cause }) => cause === 'reports'), [
    { key: LEAF, reason: 'reports: enrolled', before: null, after: null }, { reason: 'reports: all' },
  ])
})

t.test('a steady rate is measured from reports and lists, and does not change the mode', async (t) => {
  const fold = sampledFold({ reports: 'auto', label_rate: 0.1 })
  const start = fold.time
  const random = mulberry32(7)
  let furthest = 0
  for (let second = 0; second <= 600; second++) {
    let generations = 0
    for (let i = 0; i < 120; i++) {
      const [u, hash] = [random(), random()]
      const isControl = u < fold.state().control_share
      const isDue = mustReport(u, hash, fold.state().control_share, 0.1)
      if (fold.state().reporting.mode === 'all' || isControl || isDue) {
        fold.report(u, start + second * 1000, { ...treated, generation_id: `${second}-${i}`, hash, stopped: false, arm: isControl ? 'control' : 'treated' })
      } else generations++
    }
    fold.enrol([], start + second * 1000, { unreported: { generations, steps: generations, stops: 0 } })
    if (second > 190) furthest = Math.max(furthest, Math.abs(fold.state().reporting.rate! - 120))
  }
  t.ok(furthest < 5, `${furthest}`)
  t.equal(fold.changes.filter(({ cause }) => cause === 'reports').length, 1)
})

t.test('the sums of the replicas count, also those of a list that came too late to enrol', async (t) => {
  const fold = sampledFold()
  const unreported = { generations: 40, steps: 90, stops: 30 }
  t.strictSame(fold.state().treated_sums.unreported, NONE_UNREPORTED)
  fold.enrol([], fold.time, { unreported, number: 50 })
  fold.enrol([], fold.time, { unreported, number: 50 })
  t.strictSame(fold.state().treated_sums.unreported, unreported, 'a list that is sent twice counts once')
  fold.enrol([], fold.time, { unreported, number: 51, age: 60_000 })
  t.strictSame(fold.state().treated_sums.unreported, { generations: 80, steps: 180, stops: 60 })
  t.match(fold.state().follow_up, { void: 0 })
})

t.test('a context says which generations report, and what the enrolled ones show', async (t) => {
  const fold = sampledFold()
  const us = Array.from({ length: 30 }, (_, i) => 0.26 + i / 1000)
  fold.enrol(us, fold.time)
  for (const [i, u] of us.entries()) fold.report(u, fold.time + 1000, { ...treated, full: { exact_match: i < 20 ? 1 : 0 } })
  const { levels, defaults } = fold.ledger.configuration
  const loaded = { levels, defaultPolicy: defaults, policies: new Map(), pins: new Map(), predictors: new Map(), states: fold.states }
  t.match(describeContext(loaded, LEAF), {
    treated_generations: 90,
    guarantee: { reports: 'enrolled' },
    reporting: {
      mode: 'enrolled', rate: null, treated_generations: { estimate: 90 }, treated_tokens: { estimate: 55, low: 55, high: 55 }, treated_em: { estimate: 2 / 3 },
    },
  })
  t.equal(describeContext(loaded, '*').reporting, null)
})
