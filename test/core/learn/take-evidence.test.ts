import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { emDrop } from '../../../src/core/stats/evidence.js'
import { knownEvidence } from '../../../src/core/evidence/gathered-evidence.js'
import { FIRST_SHARE } from '../../../src/core/decide/arm.js'
import { GRID } from '../../../src/core/decide/grid.js'
import type { ContextState } from '../../../src/core/learn/context-state.js'
import { Cohorts, restoreCohort, storeCohort } from '../../../src/core/evidence/cohorts.js'
import type { LoggedOutcome } from '../../../src/core/outcome/outcome.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { encodeState, reviveState } from '../../../src/store/encoding/context-states.js'
import { holds } from '../../property.js'
import { mulberry32 } from '../../random.js'
import { enrolledFold, type EnrolledFold, SLICE_LEAST } from './enrolled-fold.js'
import { FIRST, LEAF, LOST, SURE_STEP } from './memory-fold.js'
import { changed } from '../../changed-state.js'

const LAST = GRID.length - 1
const LOST_STEPS = { steps: LOST.steps }

/** Plays steady traffic: so many generations begin each second, and each ends some seconds later. Replicas draw at the share in force. */
class SteadyTraffic {
  readonly fold: EnrolledFold
  readonly #random = mulberry32(7)
  readonly #ends: Array<{ readonly at: number, readonly u: number, readonly isLost: boolean }> = []
  readonly #outcome: Partial<LoggedOutcome>
  readonly #seconds: number
  second = 0

  constructor (policy: PolicyPatch = {}, outcome: Partial<LoggedOutcome> = {}, seconds = 4) {
    this.#outcome = outcome
    this.#seconds = seconds
    this.fold = enrolledFold({ evidence_span_seconds: 1800, follow_up_seconds: 1800, ...policy })
  }

  get state (): ContextState { return this.fold.state() }

  /** @param isLost whether a generation loses its answer by stopping */
  play (seconds: number, perSecond: number, isLost: () => boolean = () => false, until = (_: ContextState) => false): this {
    for (const end = this.second + seconds; this.second < end; this.second++) {
      const time = 1000 * this.second
      const share = this.fold.states.get(LEAF)?.rule.control_share ?? 0.25
      const begun = Math.floor((this.second + 1) * perSecond) - Math.floor(this.second * perSecond)
      const draws = Array.from({ length: begun }, () => this.#random()).filter((u) => u < share)
      if (draws.length > 0) this.fold.enrol(draws, time, { share })
      for (const u of draws) this.#ends.push({ at: time + 1000 * this.#seconds, u, isLost: isLost() })
      while (this.#ends[0] !== undefined && this.#ends[0].at <= time) {
        const { u, isLost } = this.#ends.shift()!
        this.fold.report(u, time, { generation_id: `${time}-${u}`, ...this.#outcome, ...(isLost && LOST_STEPS) })
      }
      this.fold.learn({ type: 'tick' }, time)
      const state = this.fold.states.get(LEAF)
      if (state !== undefined && until(state)) break
    }
    return this
  }

  /** Seconds until the first certificate. */
  certify (perSecond: number): number { return this.play(7200, perSecond, undefined, ({ rule }) => rule.threshold !== null).second }
}

t.test('E8: a first certificate takes half an hour of steady traffic, however much there is', async (t) => {
  for (const perSecond of [1, 4, 20]) {
    const traffic = new SteadyTraffic()
    const seconds = traffic.certify(perSecond)
    t.ok(seconds >= 1800 && seconds < 2100, `${seconds} s at ${perSecond} a second`)
    const { evidence: { final: { generations } } } = traffic.state
    t.ok(generations > 800 && generations < 1200, `${generations} units`)
  }
  const quiet = new SteadyTraffic().certify(1 / 12)
  t.ok(quiet > FIRST * 12 && quiet < 2800, `${quiet} s: quiet traffic counts as a whole`)
  const shuffled = new SteadyTraffic({ evidence_span_seconds: 0 }).certify(4)
  t.ok(shuffled < 150, `${shuffled} s without a span`)
})

/** Some 150 units show the traffic. */
const isNear = (found: number, expected: number) => Math.abs(found / expected - 1) < 0.15

t.test('E8: until there is a certificate, the control share gathers five times the units of a first one in each span', async (t) => {
  for (const perSecond of [1, 4, 20]) {
    const traffic = new SteadyTraffic().play(20, perSecond)
    t.ok(traffic.state.rule.control_share <= 0.25, 'in the first minute')
    const { rule: { control_share: share } } = traffic.play(280, perSecond).state
    t.ok(isNear(share, 5 * FIRST / (1800 * perSecond)), `${share} at ${perSecond} a second`)
  }
  t.equal(new SteadyTraffic().play(300, 1 / 12).state.rule.control_share, 1, 'all of quiet traffic')
  t.equal(new SteadyTraffic().play(300, 100).state.rule.control_share, 0.02, 'no less than the floor')
  t.equal(new SteadyTraffic({ control_rate: 0.5 }).play(300, 4).state.rule.control_share, 0.5, 'a stated rate is the least share')
})

t.test('E8: another epoch knows the traffic', async (t) => {
  const { fold, second } = new SteadyTraffic().play(300, 4)
  fold.learn({ type: 'reset', key: LEAF, below: false, by: 'ops', reason: 'test' }, 1000 * second)
  t.match(fold.state(), { epoch: { number: 2 }, evidence: { final: { generations: 0 } } })
  t.ok(isNear(fold.state().rule.control_share, 5 * FIRST / 7200), String(fold.state().rule.control_share))
})

t.test('E8: the budget of probes holds once the first span is over', async (t) => {
  const costly = { probe_tokens: 40, asked_tokens: 40 }
  const traffic = new SteadyTraffic({}, { ...costly, steps: [{ ...SURE_STEP, asked_tokens: 40 }] })
  const isLost = () => traffic.second % 10 === 0
  traffic.play(1790, 4, isLost)
  t.match(traffic.state, { rule: { unlikely: null } })
  t.ok(isNear(traffic.state.rule.control_share, 5 * FIRST / 7200))
  t.match(traffic.play(60, 4, isLost).state, { rule: { unlikely: 'accuracy', control_share: 0.02 } })
})

t.test('E8: there is room for the open units of fast traffic', async (t) => {
  const traffic = new SteadyTraffic({}, {}, 600)
  let most = 0
  traffic.play(900, 2000, undefined, () => {
    most = Math.max(most, traffic.fold.cohorts.get(LEAF)!.open)
    return false
  })
  t.ok(most > 1000 && most < 8192, `${most} open units`)
  t.equal(traffic.state.reports.follow_up.void, 0)
})

/** Enrols a slice of 32 every 10 s; each reports a second later. @param early how many report before they are enrolled */
function slices (fold: EnrolledFold, from: number, count: number, lost: number, early = 0): void {
  for (let i = from; i < from + count; i++) {
    const time = 1000 + i * SLICE_LEAST
    const us = Array.from({ length: 32 }, (_, j) => FIRST_SHARE * (((32 * i + j + 1) * 0.6180339887498949) % 1))
    const report = (j: number, at: number) => fold.report(us[j]!, at, { generation_id: `${i}-${j}`, ...(j < lost && LOST_STEPS) })
    for (let j = 0; j < early; j++) report(j, time - 500)
    fold.enrol(us, time)
    for (let j = early; j < us.length; j++) report(j, time + 1000)
    fold.pass(time + 2000, time + SLICE_LEAST - 1000)
  }
}

t.test('E9: evidence that was spoilt while something was broken begins again, and certifies', async (t) => {
  const fold = enrolledFold()
  slices(fold, 0, 5, 10)
  let good = 0
  while (fold.state().epoch.number === 1 && good < 40) slices(fold, 5 + good++, 1, 0)
  t.ok(good >= 9 && good <= 10, `${32 * good} lossless units after 160 of which a third were lost: 261 final ones`)
  t.match(fold.state(), { epoch: { cause: 'recovered', looks: { count: 1 } }, rule: { threshold: null } })
  t.match(fold.changes.at(-1), { cause: 'recovered', epoch: 2, before: null, after: null })
  const recovered = good
  while (fold.state().rule.threshold === null && good < 40) slices(fold, 5 + good++, 1, 0)
  t.ok(good - recovered >= 7 && good - recovered <= 9, `${32 * (good - recovered)} units at half of the level`)
  t.match(fold.state(), { rule: { index: LAST, guarantee: {} }, epoch: { number: 2 } })
  t.equal(emDrop(knownEvidence(fold.state().evidence), LAST), 0)
})

t.test('E9: evidence does not begin again while its newest units lose, or while reports forbid a certificate', async (t) => {
  const losing = enrolledFold()
  slices(losing, 0, 5, 10)
  slices(losing, 5, 30, 1)
  t.equal(losing.state().epoch.number, 1, 'one of 32 is more than the bound')
  const unlisted = enrolledFold()
  slices(unlisted, 0, 5, 10)
  const { recent } = unlisted.state().reports
  unlisted.states.set(LEAF, changed(unlisted.state(), { reports: { recent: { ...recent, drawn: [[1000, 500, 0]] } } }))
  slices(unlisted, 5, 12, 0)
  t.equal(unlisted.state().epoch.number, 1)
})

t.test('a state and its cohort go on from the store as if nothing had happened, whenever they were stored', async () => {
  const whole = enrolledFold()
  const [bad, all] = [5, 22]
  slices(whole, 0, bad, 10)
  slices(whole, bad, all - bad, 0)
  const written = ({ states, cohorts }: EnrolledFold) => [encodeState(states.get(LEAF)!), JSON.stringify(storeCohort(cohorts.get(LEAF)!))]
  assert.ok(whole.state().epoch.number > 1)
  holds(t, fc.property(fc.uniqueArray(fc.nat({ max: all - 1 }), { maxLength: 6 }), (cuts) => {
    const fold = enrolledFold()
    for (let i = 0; i < all; i++) {
      slices(fold, i, 1, i < bad ? 10 : 0)
      if (!cuts.includes(i)) continue
      fold.states.set(LEAF, reviveState(JSON.parse(encodeState(fold.state()))))
      const cohort = restoreCohort(JSON.parse(JSON.stringify(storeCohort(fold.cohorts.get(LEAF)!))))
      Object.assign(fold, { cohorts: new Cohorts(fold.cohorts.header, [[LEAF, cohort]]) })
    }
    assert.deepEqual(written(fold), written(whole))
  }), 12)
})
