import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { GRID } from '../../../src/core/certificate/thresholds.js'
import type { ContextState } from '../../../src/core/contexts/context-state.js'
import { Cohorts, restoreCohort, storeCohort } from '../../../src/core/enrolment/cohorts.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { encodeState, reviveState } from '../../../src/store/encoding/context-states.js'
import { holds } from '../../property.js'
import { mulberry32 } from '../../random.js'
import { enrolledFold, type EnrolledFold, SLICE_LEAST } from './enrolled-fold.js'
import { FIRST, LEAF, LOST } from './memory-fold.js'

const LAST = GRID.length - 1
const LOST_STEPS = { steps: LOST.steps }

/** Plays steady traffic: so many generations begin each second, and each ends 4 s later. Replicas draw at the share in force. */
class SteadyTraffic {
  readonly fold: EnrolledFold
  readonly #random = mulberry32(7)
  readonly #ends: Array<{ readonly at: number, readonly u: number, readonly isLost: boolean }> = []
  second = 0

  constructor (policy: PolicyPatch = {}) {
    this.fold = enrolledFold({ evidence_span_seconds: 1800, follow_up_seconds: 1800, ...policy })
  }

  get state (): ContextState { return this.fold.state() }

  /** @param isLost whether a generation loses its answer by stopping */
  play (seconds: number, perSecond: number, isLost: () => boolean = () => false, until = (_: ContextState) => false): this {
    for (const end = this.second + seconds; this.second < end; this.second++) {
      const time = 1000 * this.second
      const { control_share: share = 1 } = this.fold.states.get(LEAF) ?? {}
      const begun = Math.floor((this.second + 1) * perSecond) - Math.floor(this.second * perSecond)
      const draws = Array.from({ length: begun }, () => this.#random()).filter((u) => u < share)
      if (draws.length > 0) this.fold.enrol(draws, time)
      for (const u of draws) this.#ends.push({ at: time + 4000, u, isLost: isLost() })
      while (this.#ends[0] !== undefined && this.#ends[0].at <= time) {
        const { u, isLost } = this.#ends.shift()!
        this.fold.report(u, time, { generation_id: `${time}-${u}`, ...(isLost && LOST_STEPS) })
      }
      this.fold.learn({ type: 'tick' }, time)
      const state = this.fold.states.get(LEAF)
      if (state !== undefined && until(state)) break
    }
    return this
  }

  /** Seconds until the first certificate. */
  certify (perSecond: number): number { return this.play(7200, perSecond, undefined, ({ threshold }) => threshold !== null).second }
}

t.test('rule 12: a first certificate takes about half an hour of steady traffic, however much there is', async (t) => {
  for (const perSecond of [1, 4, 20]) {
    const traffic = new SteadyTraffic()
    const seconds = traffic.certify(perSecond)
    t.ok(seconds > 1500 && seconds < 2300, `${seconds} s at ${perSecond} a second`)
    const { evidence, tested: { final: { generations } } } = traffic.state
    t.ok(generations > 160 && generations < 230, `${generations} units`)
    t.ok(evidence.generations >= generations)
  }
  const quiet = new SteadyTraffic().certify(1 / 12)
  t.ok(quiet > FIRST * 12 && quiet < 2800, `${quiet} s: quiet traffic counts as a whole`)
  const shuffled = new SteadyTraffic({ evidence_span_seconds: 0 }).certify(4)
  t.ok(shuffled < 150, `${shuffled} s without a span`)
})

t.test('rule 12: the control share is about that of the traffic that counts', async (t) => {
  const traffic = new SteadyTraffic().play(300, 20)
  t.equal(traffic.state.control_share, 0.02, 'the floor is above it')
  const slower = new SteadyTraffic().play(300, 4).state.control_share
  const counted = FIRST / (4 * 1800)
  t.ok(slower > counted && slower < 1.6 * counted, `${slower} of which ${counted} count`)
  t.equal(new SteadyTraffic().play(300, 1 / 12).state.control_share, 1)
})

t.test('rule 12: units that do not count feed the detector of drift', async (t) => {
  const traffic = new SteadyTraffic({ control_rate: 0.5 })
  traffic.certify(4)
  const before = traffic.state.tested.final.generations
  let after = before
  traffic.play(300, 4, () => true, ({ epoch, tested }) => {
    if (epoch === 1) after = tested.final.generations
    return epoch > 1
  })
  t.match(traffic.state, { epoch: 2, epoch_cause: 'drift', threshold: null })
  t.ok(after - before < 12, `${after - before} units`)
})

/** Enrols a slice of 32 every 10 s; each reports a second later. @param early how many report before they are enrolled */
function slices (fold: EnrolledFold, from: number, count: number, lost: number, early = 0): void {
  for (let i = from; i < from + count; i++) {
    const time = 1000 + i * SLICE_LEAST
    const us = Array.from({ length: 32 }, (_, j) => ((32 * i + j + 1) * 0.6180339887498949) % 1)
    const report = (j: number, at: number) => fold.report(us[j]!, at, { generation_id: `${i}-${j}`, ...(j < lost && LOST_STEPS) })
    for (let j = 0; j < early; j++) report(j, time - 500)
    fold.enrol(us, time)
    for (let j = early; j < us.length; j++) report(j, time + 1000)
    fold.pass(time + 2000, time + SLICE_LEAST - 1000)
  }
}

t.test('rule E9: evidence that was spoilt while something was broken begins again, and certifies', async (t) => {
  const fold = enrolledFold()
  slices(fold, 0, 5, 10)
  let good = 0
  while (fold.state().epoch === 1 && good < 40) slices(fold, 5 + good++, 1, 0)
  t.ok(good >= 9 && good <= 10, `${32 * good} lossless units after 160 of which a third were lost: 261 final ones`)
  t.match(fold.state(), { epoch_cause: 'recovered', looks: { count: 1 }, threshold: null })
  t.match(fold.changes.at(-1), { cause: 'recovered', epoch: 2, before: null, after: null })
  const recovered = good
  while (fold.state().threshold === null && good < 40) slices(fold, 5 + good++, 1, 0)
  t.ok(good - recovered >= 7 && good - recovered <= 9, `${32 * (good - recovered)} units at half of the level`)
  t.match(fold.state(), { threshold_index: LAST, epoch: 2, guarantee: { em_drop: 0 } })
})

t.test('rule E9: evidence does not begin again while its newest units lose, or while reports forbid a certificate', async (t) => {
  const losing = enrolledFold()
  slices(losing, 0, 5, 10)
  slices(losing, 5, 30, 1)
  t.equal(losing.state().epoch, 1, 'one of 32 is more than the bound')
  const unlisted = enrolledFold()
  slices(unlisted, 0, 5, 10)
  unlisted.states.set(LEAF, { ...unlisted.state(), recent: { ...unlisted.state().recent, enrolled: 500, left_out: 500 } })
  slices(unlisted, 5, 12, 0)
  t.equal(unlisted.state().epoch, 1)
})

t.test('a state and its cohort go on from the store as if nothing had happened, whenever they were stored', async () => {
  const whole = enrolledFold()
  const [bad, all] = [5, 22]
  slices(whole, 0, bad, 10)
  slices(whole, bad, all - bad, 0)
  const written = ({ states, cohorts }: EnrolledFold) => [encodeState(states.get(LEAF)!), JSON.stringify(storeCohort(cohorts.get(LEAF)!))]
  assert.ok(whole.state().epoch > 1)
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
