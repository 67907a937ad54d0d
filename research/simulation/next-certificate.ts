import { type Profile, simulateGeneration } from '../../src/cli/traces/simulated-generation.js'
import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import { drawArm } from '../../src/core/decide/arm.js'
import { scoredEvidence } from '../../src/core/learn/scored-evidence.js'
import { outlookOf, paceOf } from '../../src/core/reports/outlook.js'
import { LEAF, memoryFold, outcomeOf, policyWith } from '../../test/core/learn/memory-fold.js'
import { SHUFFLED } from '../../test/quick-policy.js'

// Forecasts of the time of the next certificate, compared with the time when it comes, in a context that starts without evidence, at one
// generation a second on average.

const NO_PREDICTORS = new Map()

/** Outcomes after which a forecast is made: before the first certificate, and after. */
export const MOMENTS = [50, 100, 150, 200, 400, 800, 1600, 3200, 6400]

export interface Forecast {
  readonly moment: number
  readonly isFirst: boolean
  /** Seconds from the forecast to the next certificate; `null`: none was foreseen. */
  readonly predicted: number | null
  /** `null`: none came within the stream. */
  readonly true: number | null
  /** Seconds from the forecast to the certificate or the end of the stream. */
  readonly watched: number
}

/** Of the forecasts that can be judged, the shares that were right within a factor of 2, were too soon, and foresaw none. */
export function judgeForecasts (forecasts: readonly Forecast[]): { right: number, tooSoon: number, unforeseen: number, count: number } {
  const known = forecasts.filter((one) => one.true !== null || (one.predicted !== null && 2 * one.predicted < one.watched))
  const share = (is: (ratio: number) => boolean) =>
    known.filter((one) => one.predicted !== null && is(one.predicted / (one.true ?? Infinity))).length / known.length
  return {
    right: share((ratio) => ratio >= 0.5 && ratio <= 2),
    tooSoon: share((ratio) => ratio < 0.5),
    unforeseen: known.filter((one) => one.predicted === null).length / known.length,
    count: known.length,
  }
}

/** Plays a stream of `length` generations with a forecast at each of `MOMENTS`. */
export function forecastCertificates (profile: Profile, seed: number, length: number): Forecast[] {
  const random = seededRandom(seed)
  const fold = memoryFold(SHUFFLED)
  const policy = policyWith(SHUFFLED)
  const open: { moment: number, time: number, ceiling: number, predicted: number | null }[] = []
  const closed: Forecast[] = []
  let time = 0
  for (let i = 1; i <= length; i++) {
    time += -1000 * Math.log(1 - random())
    const { tokens, em, steps } = simulateGeneration(random, profile)
    const u = random()
    const arm = drawArm(u, fold.states.get(LEAF)?.rule.control_share ?? 1)
    const logged = steps.map((step) => ({ tokens: step.tokens, confidence: step.confidence, exact_match: step.em }))
    const reported = { generation_id: `g${i}`, u, arm, stopped: arm === 'treated', tokens, answer_tokens: profile.answerTokens }
    fold.learn(outcomeOf({ ...reported, full: { exact_match: em }, steps: arm === 'control' ? logged : null }), time)
    const state = fold.state()
    for (const forecast of open.filter(({ ceiling }) => state.rule.index > ceiling)) {
      open.splice(open.indexOf(forecast), 1)
      closed.push({ ...withKind(forecast), true: (time - forecast.time) / 1000, watched: (time - forecast.time) / 1000 })
    }
    if (!MOMENTS.includes(i)) continue
    const { ceiling, next } = outlookOf(scoredEvidence(state, policy, NO_PREDICTORS), policy, paceOf(state, time))
    open.push({ moment: i, time, ceiling, predicted: next?.at == null ? null : (next.at - time) / 1000 })
  }
  return [...closed, ...open.map((forecast) => ({ ...withKind(forecast), true: null, watched: (time - forecast.time) / 1000 }))]
}

function withKind ({ moment, ceiling, predicted }: { moment: number, ceiling: number, predicted: number | null }) {
  return { moment, isFirst: ceiling === -1, predicted }
}
