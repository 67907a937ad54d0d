import { seededRandom, type Random } from '../../src/cli/traces/seeded-random.js'
import { murmur3 } from '../../src/core/decide/hash.js'
import { EIGHTHS, reaches } from '../../src/core/stats/certificate.js'
import { auditedGains, type JudgePolicy, testedBound } from '../../src/core/stats/judge-errors.js'

// How often a judge that errs certifies a threshold that loses too much.

/** Shares of generations whose early answer is worse than the final one, differs and is as good, or is better. */
interface Truth { readonly lost: number, readonly tie: number, readonly gained: number }

/** A net drop of 3 points, where 12 % of the answers differ. */
export const THREE_POINTS: Truth = { lost: 0.045, tie: 0.06, gained: 0.015 }
/** Nothing is lost: as many answers become better as become worse. */
export const NO_DROP: Truth = { lost: 0.01, tie: 0.06, gained: 0.01 }

type Kind = keyof Truth
const KINDS = ['lost', 'tie', 'gained'] as const

/** A verdict on a pair of a kind that a judge of an error rate gives. */
export type ErrantJudge = (kind: Kind, rate: number, random: Random) => Kind

/** Errs in both directions: a wrong verdict is one of the other two. */
const symmetric: ErrantJudge = (kind, rate, random) =>
  random() >= rate ? kind : KINDS.filter((other) => other !== kind)[random() < 0.5 ? 0 : 1]!
/** Calls a part of the real losses a tie, and errs in nothing else. */
const lenient: ErrantJudge = (kind, rate, random) => kind === 'lost' && random() < rate ? 'tie' : kind
/** Favours the early answer: calls a part of the losses and ties a gain. */
const hasty: ErrantJudge = (kind, rate, random) => kind !== 'gained' && random() < rate ? 'gained' : kind

export const JUDGES = { symmetric, 'one-sided: losses called ties': lenient, 'one-sided: for the early answer': hasty } as const

const LOG_BAR = Math.log(1 / 0.05)
const AUDITED_BAR = Math.log(1 / 0.04)
const BOUND = 0.02
/** Generations of one run, and between two looks. */
const LENGTH = 6400
const LOOK = 32
/** The chance that a limit of the audit is wrong: a fifth of the error level for both together. */
const LIMIT_LEVEL = 0.005

const NOT_AUDITED: JudgePolicy = { judge_miss_rate: null, judge_gain_share: 0 }

/** The correction of a run: none, for losses as the audit says, or also for gains. */
export type Correction = 'none' | 'losses' | 'losses and gains'

export interface JudgeRun {
  readonly truth: Truth
  readonly judge: ErrantJudge
  readonly rate: number
  /** Pairs of the audit. */
  readonly audited: number
  readonly correction: Correction
}

/** Whether the threshold is ever certified. */
export function isCertified ({ truth, judge, rate, audited, correction }: JudgeRun, seed: number): boolean {
  const random = seededRandom(seed)
  const limits = correction === 'none' ? NOT_AUDITED : auditedErrors(truth, judge, rate, audited, random)
  const errors: JudgePolicy = correction === 'losses' ? { ...limits, judge_gain_share: 1 } : limits
  const bound = testedBound({ max_em_drop: BOUND, ...errors })
  const counts = { lost: 0, tie: 0 }
  const gains = new Map<number, number>() // by their worth in eighths
  for (let n = 1; n <= LENGTH; n++) {
    const kind = kindOf(truth, random())
    const called = kind === null ? 'tie' : judge(kind, rate, random)
    if (called === 'gained') {
      const [worth] = auditedGains([-EIGHTHS], errors, murmur3(`gain:${n}`) / 0x1_0000_0000) as [number]
      gains.set(worth, (gains.get(worth) ?? 0) + 1)
    } else counts[called]++
    if (n % LOOK !== 0) continue
    const { lost, tie: kept } = counts
    const prefix = { lost, kept, gained: 0, partial: [...gains] }
    if (reaches(bound, prefix, correction === 'none' ? LOG_BAR : AUDITED_BAR)) return true
  }
  return false
}

/** The kind of a generation; `null`: its answers agree. */
function kindOf ({ lost, tie, gained }: Truth, draw: number): Kind | null {
  return draw < lost ? 'lost' : draw < lost + tie ? 'tie' : draw < lost + tie + gained ? 'gained' : null
}

/** Limits by an audit of so many pairs that differ, drawn from the same traffic. */
function auditedErrors (truth: Truth, judge: ErrantJudge, rate: number, pairs: number, random: Random): JudgePolicy {
  const differing = truth.lost + truth.tie + truth.gained
  let [losses, missed, called, real, lossesCalled] = [0, 0, 0, 0, 0]
  for (let i = 0; i < pairs; i++) {
    const kind = kindOf(truth, random() * differing)!
    const verdict = judge(kind, rate, random)
    if (kind === 'lost') { losses++; if (verdict !== 'lost') missed++ }
    if (verdict === 'gained') { called++; if (kind === 'gained') real++; if (kind === 'lost') lossesCalled++ }
  }
  const lowest = called === 0 ? 0 : 1 - upperLimit(called - real, called, LIMIT_LEVEL / 2)
  const gainShare = called === 0 ? 0 : Math.max(0, lowest - upperLimit(lossesCalled, called, LIMIT_LEVEL / 2))
  return { judge_miss_rate: Math.min(0.9, upperLimit(missed, losses, LIMIT_LEVEL)), judge_gain_share: gainShare }
}

/** The upper limit of a rate (Clopper and Pearson 1934): the largest at which as few events have at least the chance `level`. */
export function upperLimit (events: number, of: number, level: number): number {
  if (events >= of) return 1
  let [low, high] = [0, 1]
  for (let i = 0; i < 40; i++) {
    const rate = (low + high) / 2
    if (chanceOfAtMost(events, of, rate) > level) low = rate; else high = rate
  }
  return high
}

function chanceOfAtMost (events: number, of: number, rate: number): number {
  let log = of * Math.log1p(-rate)
  let sum = Math.exp(log)
  for (let k = 1; k <= events; k++) {
    log += Math.log((of - k + 1) / k * rate / (1 - rate))
    sum += Math.exp(log)
  }
  return sum
}
