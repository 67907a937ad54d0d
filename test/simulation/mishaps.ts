import type { Random } from '../../src/cli/traces/seeded-random.js'
import type { Arrival, Traffic } from './arrivals.js'

// Outcomes, labels and steps that are missing or late, in ways that may depend on the generation.

const change = (traffic: Traffic, to: (one: Arrival, random: Random, drop: number) => Partial<Arrival>): Traffic => (random, drop) =>
  traffic(random, drop).map((one) => ({ ...one, ...to(one, random, drop) }))

/** How being missing depends on the generation. */
export type Bias = 'independent' | 'long' | 'lost'

function chanceOf (one: Arrival, share: number, bias: Bias): number {
  if (bias === 'independent') return share
  return bias === 'long' ? (one.seconds > 30 ? share / 0.22 : 0) : one.isLost ? 0.9 : 0 // 22 % run for more than 30 s
}

/** A share of the generations never reports; with `lost`, nine of ten of those that stopping would lose. */
export const silent = (traffic: Traffic, share: number, bias: Bias): Traffic =>
  change(traffic, (one, random) => ({ isSilent: random() < chanceOf(one, share, bias) }))

/** A share of the outcomes comes without steps. */
export const withoutSteps = (traffic: Traffic, share: number, bias: Bias): Traffic =>
  change(traffic, (one, random) => ({ isWithoutSteps: random() < chanceOf(one, share, bias) }))

/** Outcomes before `from` come without steps; generations running at that time send theirs. */
export const stepsFrom = (traffic: Traffic, from: number): Traffic =>
  change(traffic, (one) => ({ isWithoutSteps: one.start + one.seconds < from }))

/** Outcomes before `from` never get a label; generations running at that time get theirs with the outcome. */
export const labelsFrom = (traffic: Traffic, from: number): Traffic =>
  change(traffic, (one) => one.start + one.seconds < from ? { labelAfter: null } : {})

/** 40 % are cancelled; the losses of the others add up to the drop. */
export const cancelled = (traffic: Traffic, bias: 'independent' | 'long'): Traffic =>
  change(traffic, (one, random, drop) => {
    const isCancelled = random() < (bias === 'independent' ? 0.4 : Math.min(1, one.seconds / 40))
    // If long ones are cancelled, the rest is shorter and would lose less than the drop, so here losses do not depend on length.
    return { isCancelled, seconds: isCancelled ? one.seconds * random() : one.seconds, isLost: bias === 'independent' ? one.isLost : random() < drop }
  })

/** Labels come after seconds for some and after minutes for others: for those that stopping would lose, or for those it would not. */
export const labelledLate = (traffic: Traffic, slow: 'lost' | 'kept'): Traffic =>
  change(traffic, (one, random) => ({ labelAfter: (one.isLost === (slow === 'lost') ? 300 : 5) * random() }))

/** A tenth of the generations changes its answer to another wrong one; a share of the outcomes gets a label. */
export const partlyLabelled = (traffic: Traffic, share: number, otherAnswers = 0.1): Traffic =>
  change(traffic, (one, random) => ({
    labelAfter: random() < share ? 10 * random() : null,
    isOtherAnswer: !one.isLost && random() < otherAnswers,
  }))

/** Workers stop a share of the generations whatever their arm. */
export const armIgnored = (traffic: Traffic, share: number): Traffic => change(traffic, (_, random) => ({ isArmIgnored: random() < share }))

/** First steps are sent again to another replica, some of them after the generation has ended; most often those of long generations. */
export const retried = (traffic: Traffic): Traffic =>
  change(traffic, (one, random) => random() < one.seconds / 60 ? { retriedAfter: 40 * random(), replica: 1 } : {})

/** Spread over replicas; most of the hard generations ask the last one. */
export const spread = (traffic: Traffic, replicas: number): Traffic =>
  change(traffic, (one, random) => ({ replica: one.seconds > 20 && random() < 0.7 ? replicas - 1 : Math.floor(random() * replicas) }))

/** Twenty members of one pool; only the odd ones lose. */
export const pooled = (traffic: Traffic): Traffic =>
  change(traffic, (one, random) => ({ member: 2 * Math.floor(random() * 10) + (one.seconds > 12 ? 1 : 0) }))

/** Adds another context, none of whose outcomes ever gets a label. */
export const besideUnlabelled = (traffic: Traffic): Traffic => (random, drop) => [
  ...Array.from({ length: 6000 }, (_, i): Arrival => ({ start: i / 100, seconds: 1, isLost: true, labelAfter: null, isOther: true })),
  ...traffic(random, drop),
]

/** Three in ten are wrong even in full. Of the others real stops lose so many that EM falls by `drop`, although probes lose none. */
export const lostByStop = (traffic: Traffic, drop: number): Traffic =>
  change(traffic, (_, random) => ({ isOtherAnswer: random() < 0.3, isLostByStop: random() < drop / 0.7 }))
