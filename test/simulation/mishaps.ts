import type { Random } from '../../src/commands/traces/seeded-random.js'
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

/** A share never reports; under `lost` nine of ten that stopping would lose. */
export const silent = (traffic: Traffic, share: number, bias: Bias): Traffic =>
  change(traffic, (one, random) => ({ isSilent: random() < chanceOf(one, share, bias) }))

/** A share comes without its steps. */
export const evicted = (traffic: Traffic, share: number, bias: Bias): Traffic =>
  change(traffic, (one, random) => ({ isWithoutSteps: random() < chanceOf(one, share, bias) }))

/** Until `from` outcomes come without steps. Those that are running then send theirs. */
export const stepsFrom = (traffic: Traffic, from: number): Traffic =>
  change(traffic, (one) => ({ isWithoutSteps: one.start + one.seconds < from }))

/** Until `from` no label comes. Those that are running then get theirs with the outcome. */
export const labelsFrom = (traffic: Traffic, from: number): Traffic =>
  change(traffic, (one) => one.start + one.seconds < from ? { labelAfter: null } : {})

/** 40 % are cancelled; the losses of the others add up to the drop. */
export const cancelled = (traffic: Traffic, bias: 'independent' | 'long'): Traffic =>
  change(traffic, (one, random, drop) => {
    const isCancelled = random() < (bias === 'independent' ? 0.4 : Math.min(1, one.seconds / 40))
    // Cancelled by length, what is left is shorter, and would lose less than the drop: so losses do not depend on length here.
    return { isCancelled, seconds: isCancelled ? one.seconds * random() : one.seconds, isLost: bias === 'independent' ? one.isLost : random() < drop }
  })

/** Labels that come when somebody has looked: soon for some, minutes later for those that stopping would lose, or the other way round. */
export const labelledLate = (traffic: Traffic, slow: 'lost' | 'kept'): Traffic =>
  change(traffic, (one, random) => ({ labelAfter: (one.isLost === (slow === 'lost') ? 300 : 5) * random() }))

/** A tenth of the generations changes its answer to another wrong one; a share of the outcomes gets a label. */
export const partlyLabelled = (traffic: Traffic, share: number, otherAnswers = 0.1): Traffic =>
  change(traffic, (one, random) => ({
    labelAfter: random() < share ? 10 * random() : null,
    isOtherAnswer: !one.isLost && random() < otherAnswers,
  }))

/** Workers that stop control generations as well. */
export const armIgnored = (traffic: Traffic, share: number): Traffic => change(traffic, (_, random) => ({ isArmIgnored: random() < share }))

/** First steps that are sent again, some of them after the generation has ended, the longest most. */
export const retried = (traffic: Traffic): Traffic =>
  change(traffic, (one, random) => random() < one.seconds / 60 ? { retriedAfter: 40 * random(), replica: 1 } : {})

/** Spread over so many replicas; the hard ones mostly ask the last one. */
export const spread = (traffic: Traffic, replicas: number): Traffic =>
  change(traffic, (one, random) => ({ replica: one.seconds > 20 && random() < 0.7 ? replicas - 1 : Math.floor(random() * replicas) }))

/** Twenty members of one pool; the odd ones lose everything that is lost. */
export const pooled = (traffic: Traffic): Traffic =>
  change(traffic, (one, random) => ({ member: 2 * Math.floor(random() * 10) + (one.seconds > 12 ? 1 : 0) }))

/** Another context beside it, none of whose outcomes ever gets a label. */
export const besideUnlabelled = (traffic: Traffic): Traffic => (random, drop) => [
  ...Array.from({ length: 6000 }, (_, i): Arrival => ({ start: i / 100, seconds: 1, isLost: true, labelAfter: null, isOther: true })),
  ...traffic(random, drop),
]

/** Three in ten are wrong even in full; of the others real stops lose so many that EM falls by `drop`, of which probes show nothing. */
export const lostByStop = (traffic: Traffic, drop: number): Traffic =>
  change(traffic, (_, random) => ({ isOtherAnswer: random() < 0.3, isLostByStop: random() < drop / 0.7 }))
