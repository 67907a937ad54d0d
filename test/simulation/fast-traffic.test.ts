import t from 'tap'
import { drawArm } from '../../src/core/assignment/arm.js'
import { NO_FOLLOW_UP } from '../../src/core/contexts/follow-up-counts.js'
import { DrawBuffer } from '../../src/core/enrolment/enrolment-list.js'
import { LEAF, memoryFold, outcomeOf, SURE_STEP } from '../core/reducer/memory-fold.js'
import { mulberry32 } from '../random.js'

const SECOND = 1000
const LIST_EVERY = 100
/** Time from the certificate until 30 % of the answers begin to be lost: longer than any outcome waits for its entry, ms. */
const UNTIL_JUMP = 15 * SECOND
const LOST = 0.3
/** Time at which the search for drift is given up, ms. */
const LONGEST = 7200 * SECOND

interface Found {
  /** Control units enrolled and left out between the certificate and the jump. */
  readonly enrolled: number
  readonly leftOut: number
  /** Control generations that began after the jump and were reported before drift withdrew the threshold. */
  readonly controls: number
}

/**
 * Plays traffic of one context through the learner: replicas append lists every 100 ms, and generations take 50 ms to 2 s, so that some end
 * before their list arrives. A certificate brings the share from 1 down to 0.02. Later answers are lost by stopping.
 */
function playAt (generationsASecond: number, seed: number): Found {
  const random = mulberry32(seed * 7919)
  const fold = memoryFold({ follow_up_seconds: 60, control_rate: 0.02 })
  const buffer = new DrawBuffer()
  const ends = new Map<number, Array<() => void>>()
  let [time, lists, controls, started, due] = [0, 0, 0, 0, 0]
  let jump = Infinity
  const begin = () => {
    const { control_share: share = 1, epoch_name: epoch = null, threshold = null } = fold.states.get(LEAF) ?? {}
    const [u, hash, isLost] = [random(), random(), time >= jump && random() < LOST]
    const [arm, isAfterJump, generation_id] = [drawArm(u, share), time >= jump, `g${started++}`]
    buffer.add({ key: LEAF, epoch, share }, u, hash, time)
    const at = Math.ceil((time + 50 + 1950 * random()) / LIST_EVERY) * LIST_EVERY
    const probed = isLost ? 0 : 1
    const isStopped = arm === 'treated' && threshold !== null
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
      if (arm === 'control' && isAfterJump) controls++
      fold.learn(outcome, time)
    }])
  }
  const isDrifted = () => fold.changes.some(({ cause }) => cause === 'drift')
  const counts = () => fold.states.get(LEAF)?.follow_up ?? NO_FOLLOW_UP
  let [before, after] = [NO_FOLLOW_UP, NO_FOLLOW_UP]
  for (; !isDrifted() && time < LONGEST; time += LIST_EVERY) {
    for (const end of ends.get(time) ?? []) if (!isDrifted()) end()
    ends.delete(time)
    const list = buffer.take()
    if (list !== null) fold.learn({ type: 'enrolment', boot: 'a', number: ++lists, age: time - list.since, entries: list.entries }, time)
    if (time % SECOND === 0) fold.learn({ type: 'tick' }, time)
    for (due += generationsASecond * LIST_EVERY / SECOND; due >= 1; due--) begin()
    if (jump === Infinity && fold.changes.length > 0) {
      before = counts()
      jump = time + UNTIL_JUMP
    }
    if (time === jump) after = counts()
  }
  return { enrolled: after.enrolled - before.enrolled, leftOut: after.left_out - before.left_out, controls }
}

t.test('E2: at any rate evidence goes on after a certificate, and drift is found after about as many control units', async (t) => {
  const slow = playAt(4, 1)
  t.ok(slow.controls < 200, `at 4 a second after ${slow.controls}`)
  for (const rate of [300, 2000]) {
    const { enrolled, leftOut, controls } = playAt(rate, 1)
    t.ok(enrolled > 0.02 * rate * 10, `at ${rate} a second ${enrolled} units are enrolled until the jump`)
    t.equal(leftOut, 0)
    t.ok(controls < 3 * slow.controls, `at ${rate} a second after ${controls}`)
  }
})
