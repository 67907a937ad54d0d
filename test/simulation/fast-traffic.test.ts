import t from 'tap'
import { drawArm, FIRST_SHARE } from '../../src/core/decide/arm.js'
import { isBlind } from '../../src/core/guards/sight.js'
import { NO_FOLLOW_UP } from '../../src/core/evidence/follow-up-counts.js'
import { DrawBuffer } from '../../src/core/evidence/enrolment-list.js'
import { LEAF, memoryFold, outcomeOf, SURE_STEP } from '../core/learn/memory-fold.js'
import { mulberry32 } from '../random.js'

const SECOND = 1000
const LIST_EVERY = 100
const LOST = 0.3
/** Time at which the search is given up, ms. */
const LONGEST = 7200 * SECOND

/** What happens to traffic some time after its certificate. */
interface Jump {
  /** Time from the certificate until it happens, ms. */
  readonly after: number
  readonly followUpSeconds: number
  readonly controlRate?: number
  /** 30 % of the answers are lost by stopping from then on. */
  readonly isLossy?: boolean
  /** What is lost of a share of the control units until they have suspended the threshold, or for ever. */
  readonly fault?: { readonly of: 'lists' | 'outcomes', readonly share: number, readonly isRepaired: boolean }
}

interface Found {
  /** Control units enrolled and left out between the certificate and the jump. */
  readonly enrolled: number
  readonly leftOut: number
  /** Control generations that began after the jump, and were enrolled and reported before drift withdrew the threshold. */
  readonly controls: number
  /** Control units of after the jump that were due when the threshold was suspended, and those of after the repair when it returned. */
  readonly dueAtSuspension: number
  readonly dueAtReturn: number
  /** Answers that stops lost after the jump, and those after the suspension by generations that began after it. */
  readonly lost: number
  readonly lostSuspended: number
}

/**
 * Plays traffic of one context through the learner until drift is found, or a repaired fault lets the threshold return: replicas append
 * lists every 100 ms, and generations take 50 ms to 2 s, so that some end before their list arrives. A certificate brings the share from
 * a quarter, or all, down to 0.02 at the least.
 */
function playAt (
  generationsASecond: number, seed: number, { after: untilJump, followUpSeconds, controlRate, isLossy = false, fault }: Jump): Found {
  const random = mulberry32(seed * 7919)
  const fold = memoryFold({ follow_up_seconds: followUpSeconds, ...(controlRate !== undefined && { control_rate: controlRate }) })
  const buffer = new DrawBuffer()
  const ends = new Map<number, Array<() => void>>()
  let [time, lists, controls, started, due, lost, lostSuspended] = [0, 0, 0, 0, 0, 0, 0]
  let [jump, suspended, returned] = [Infinity, Infinity, Infinity]
  /** When each control unit that began after the jump is due, ms. */
  const dueAt: Array<{ readonly began: number, readonly at: number }> = []
  const isBroken = () => fault !== undefined && time >= jump && !(fault.isRepaired && suspended < time) && random() < fault.share
  const begin = () => {
    const state = fold.states.get(LEAF)
    const { control_share: share, threshold } = state?.rule ?? { control_share: FIRST_SHARE, threshold: null }
    const epoch = state?.epoch.name ?? null
    const [u, hash, isLost] = [random(), random(), isLossy && time >= jump && random() < LOST]
    const [arm, began, generation_id] = [drawArm(u, share), time, `g${started++}`]
    const broken = arm === 'control' && isBroken() ? fault!.of : null
    if (broken !== 'lists') buffer.add({ key: LEAF, epoch, share }, u, hash, time)
    const at = Math.ceil((time + 50 + 1950 * random()) / LIST_EVERY) * LIST_EVERY
    const probed = isLost ? 0 : 1
    const isStopped = arm === 'treated' && threshold !== null && !isBlind(state!.guards.sight)
    if (isStopped && isLost) lost++
    if (isStopped && isLost && suspended < time) lostSuspended++
    if (arm === 'control' && time >= jump) {
      dueAt.push({ began, at: broken === 'outcomes' ? time + followUpSeconds * SECOND : at + (broken === 'lists' ? fold.times.wait : 0) })
    }
    if (broken === 'outcomes') return
    const outcome = outcomeOf({
      generation_id,
      u,
      hash,
      arm,
      full: { exact_match: isStopped ? probed : 1 },
      ...(arm === 'control' ? { steps: [{ ...SURE_STEP, exact_match: probed }] } : { steps: null }),
      ...(isStopped && { stopped: true, stopped_probe: { tokens: 40, exact_match: probed } }),
    })
    ends.set(at, [...ends.get(at) ?? [], () => {
      if (arm === 'control' && began >= jump && broken === null) controls++
      fold.append(outcome, time)
    }])
  }
  const has = (wanted: string) => fold.changes.some(({ cause }) => cause === wanted)
  const counts = () => fold.states.get(LEAF)?.reports.follow_up ?? NO_FOLLOW_UP
  let [before, after] = [NO_FOLLOW_UP, NO_FOLLOW_UP]
  for (; !has('drift') && returned === Infinity && time < LONGEST; time += LIST_EVERY) {
    for (const end of ends.get(time) ?? []) if (!has('drift')) end()
    ends.delete(time)
    const list = buffer.take()
    if (list !== null) fold.append({ type: 'enrolment', boot: 'a', number: ++lists, age: time - list.since, entries: list.entries }, time)
    if (time % SECOND === 0) fold.append({ type: 'tick' }, time)
    if (suspended === Infinity && has('suspended')) suspended = time
    if (has('resumed')) returned = time
    for (due += generationsASecond * LIST_EVERY / SECOND; due >= 1; due--) begin()
    if (jump === Infinity && fold.changes.length > 0) {
      before = counts()
      jump = time + untilJump
    }
    if (time === jump) after = counts()
  }
  const isDue = (from: number, to: number) => ({ began, at }: typeof dueAt[number]) => began >= from && at <= to
  const dueBetween = (from: number, to: number) => to === Infinity ? Infinity : dueAt.filter(isDue(from, to)).length
  return {
    enrolled: after.enrolled - before.enrolled,
    leftOut: after.left_out - before.left_out,
    controls,
    dueAtSuspension: dueBetween(jump, suspended),
    dueAtReturn: dueBetween(suspended, returned),
    lost,
    lostSuspended,
  }
}

const RATES = [300, 2000]
/** Longer than any outcome waits for its entry. */
const LOSSY: Jump = { after: 15 * SECOND, followUpSeconds: 60, controlRate: 0.02, isLossy: true }
const found = (rate: number, jump = LOSSY) => [1, 2].map((seed) => playAt(rate, seed, jump))
const meanOf = (all: readonly Found[]) => all.reduce((sum, { controls }) => sum + controls, 0) / all.length
const slow = meanOf(found(4))

t.test('E2: at any rate evidence goes on after a certificate, and drift is found after about as many control units', async (t) => {
  t.ok(slow < 200, `at 4 a second after ${slow}`)
  for (const rate of RATES) {
    const fast = found(rate)
    for (const { enrolled, leftOut } of fast) {
      t.ok(enrolled > 0.02 * rate * 10, `at ${rate} a second ${enrolled} units are enrolled until the jump`)
      t.equal(leftOut, 0)
    }
    t.ok(meanOf(fast) < 3 * slow, `at ${rate} a second after ${meanOf(fast)}`)
  }
})

t.test('law 2: at any rate, lost lists and missing outcomes suspend the threshold, which returns when they do not', async (t) => {
  for (const rate of [4, ...RATES]) {
    for (const of of ['lists', 'outcomes'] as const) {
      const fault = { of, share: 1, isRepaired: true }
      const { dueAtSuspension, dueAtReturn } = playAt(rate, 1, { after: SECOND, followUpSeconds: 15, fault })
      const what = `${of} at ${rate} a second`
      t.ok(dueAtSuspension >= 64 && dueAtSuspension <= 128, `${what}: ${dueAtSuspension} units due at the suspension`)
      t.ok(dueAtReturn >= 96 && dueAtReturn <= 256, `${what}: ${dueAtReturn} units due at the return`)
    }
  }
})

t.test('law 2: at any rate drift is found while the threshold is suspended, and nothing is lost meanwhile', async (t) => {
  for (const rate of RATES) {
    const blind = found(rate, { ...LOSSY, after: SECOND, fault: { of: 'lists', share: 0.7, isRepaired: false } })
    t.ok(meanOf(blind) < 3 * slow, `at ${rate} a second after ${meanOf(blind)} units that were seen, and ${blind[0]!.lost} lost answers`)
    for (const { lostSuspended } of blind) t.equal(lostSuspended, 0)
  }
})
