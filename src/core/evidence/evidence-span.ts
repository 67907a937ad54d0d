import { FIRST_SHARE } from '../decide/arm.js'
import { addDifferences, type Differences, logEvidence, unitsOf, unitsOfFirstCertificate } from '../stats/certificate.js'
import {
  type DifferenceSums, differencesIn, noDifferences, packDifferences, sumDifferences, unpackDifferences,
} from '../stats/difference-sums.js'
import { differencesAt, type Evidence, noEvidence, thresholdsOf } from '../stats/evidence.js'
import { firstBar } from '../stats/error-budget.js'
import { testedBound } from '../stats/judge-errors.js'
import type { OpenEvidence } from '../stats/prefixes.js'
import type { Policy } from '../policy/policy.js'
import type { Slice } from './slice.js'
import { Traffic } from './traffic.js'

/**
 * Rule E8: a certificate speaks for the time in which its evidence was gathered. With a span S, a prefix certifies a threshold only if
 *
 * (a) it spans S;
 * (b) no sixth of S holds more than a quarter of its units, or a trickle of an hour and one busy minute would pass for an hour;
 * (c) all that is known of the units enrolled since a sixth of S before its end does not speak against the threshold (E >= 1), or easy
 *     tests would certify for the harder traffic that has begun since.
 *
 * Until there is a certificate, the control share gathers N units in each S, so that every minute weighs by its traffic. S is
 * `evidence_span_seconds`; at 0, for shuffled records, the rule is off. Times are those of the follow-up clock, ms.
 */

const SIXTH = 1 / 6
const QUARTER = 1 / 4

/** Final slices are kept together while they last no longer than this part of a sixth, since a short follow-up makes many of them. */
const RUN = 1 / 16

/** Neighbours in the order of enrolment, of final slices. */
interface FinalRun {
  readonly begins: number
  readonly ends: number
  readonly differences: DifferenceSums
}

/** What the rule remembers of the final slices of an epoch, and of the last look. */
export interface EvidenceSpan {
  /** When the first of them began; `null`: there is none. */
  readonly began: number | null
  /** The most units that a sixth of a span holds. */
  readonly busiest: number
  /** Those of the last sixth of a span, the oldest first. */
  readonly recent: readonly FinalRun[]
  /** The units of condition (c) for the longest prefix of the last look; `null`: that prefix fails (a) or (b). */
  readonly known: DifferenceSums | null
}

/** S, ms; 0: the rule is off. */
export function spanOf ({ evidence_span_seconds: span }: Policy): number { return 1000 * span }

/** @param span S, ms */
export function newSpan (thresholds: number, span: number): EvidenceSpan {
  return { began: null, busiest: 0, recent: [], known: span === 0 ? noDifferences(thresholds) : null }
}

/** Adds the next final slice. */
export function addFinalSlice (before: EvidenceSpan, { begins, ends, evidence }: Slice, span: number): EvidenceSpan {
  if (span === 0 || evidence === null || ends === null) return before
  const added: FinalRun = { begins, ends, differences: differencesIn(evidence) }
  const stretches = [...before.recent, added].map(stretchOf)
  const busiest = Math.max(before.busiest, unitsInSixth(stretches, stretches.length - 1, span))
  const recent = withRun(before.recent, added, span).filter((run) => run.ends > ends - SIXTH * span)
  return { ...before, began: before.began ?? begins, busiest, recent }
}

function withRun (runs: readonly FinalRun[], added: FinalRun, span: number): FinalRun[] {
  const last = runs.at(-1)
  if (last === undefined || added.ends - last.begins > RUN * SIXTH * span) return [...runs, added]
  const differences = sumDifferences([last.differences, added.differences], added.differences.lost.length)
  return [...runs.slice(0, -1), { begins: last.begins, ends: added.ends, differences }]
}

/** Neighbours in the order of enrolment: how many units they are in a prefix, and what is known of those that are accounted for. */
interface Stretch {
  readonly begins: number
  /** Infinity: it goes on. */
  readonly ends: number
  readonly units: number
  readonly known: DifferenceSums
}

function stretchOf ({ begins, ends, differences }: FinalRun): Stretch {
  return { begins, ends, units: differences.generations, known: differences }
}

/** Units in the sixth of a span that ends with the begin of one of these stretches: of those that begin within it. */
function unitsInSixth (stretches: readonly Stretch[], last: number, span: number): number {
  const first = stretches[last]!.begins - SIXTH * span
  let units = 0
  for (let i = last; i >= 0 && stretches[i]!.begins > first; i--) units += stretches[i]!.units
  return units
}

/** What is looked at: the evidence of final slices, the slices that are not final, and what each that has ended adds to a prefix. */
interface Looked {
  readonly evidence: Evidence
  readonly span: EvidenceSpan
  readonly slices: readonly Slice[]
  readonly open: readonly OpenEvidence[]
}

/** The prefixes of one look by this rule, in the order of `prefixesAt`. */
export class PrefixSpans {
  readonly #sixth: number
  readonly #thresholds: number
  readonly #stretches: readonly Stretch[]
  readonly #prefixes: ReadonlyArray<{ readonly ends: number, readonly isSpread: boolean }>

  /** @param span S, ms */
  constructor ({ evidence, span: { began, busiest, recent }, slices, open }: Looked, span: number) {
    this.#sixth = SIXTH * span
    this.#thresholds = thresholdsOf(evidence)
    const none = noEvidence(this.#thresholds)
    this.#stretches = [...recent.map(stretchOf), ...slices.map(({ begins, ends, evidence: known }, i): Stretch => {
      const { evidence: { generations }, unaccounted } = open[i] ?? { evidence: none, unaccounted: 0 }
      return { begins, ends: ends ?? Infinity, units: generations + unaccounted, known: known ?? none }
    })]
    const first = began ?? this.#stretches[0]?.begins ?? Infinity
    let [units, most] = [evidence.generations, busiest]
    this.#prefixes = Array.from({ length: open.length + 1 }, (_, added) => {
      const last = recent.length + added - 1
      if (added > 0) {
        units += this.#stretches[last]!.units
        most = Math.max(most, unitsInSixth(this.#stretches, last, span))
      }
      const ends = this.#stretches[last]?.ends ?? -Infinity
      return { ends, isSpread: span === 0 || (ends - first >= span && most <= QUARTER * units) }
    })
  }

  /** Whether a prefix meets (a) and (b). */
  isSpread (prefix: number): boolean { return this.#prefixes[prefix]!.isSpread }

  /** Whether a prefix fails (c) at threshold k. @param a tolerance of the test */
  isContradicted (prefix: number, k: number, a: number): boolean {
    return speaksAgainst(this.#since(prefix).map((known) => differencesAt(known, k)).reduce(addDifferences, NO_UNITS), a)
  }

  /** The units of (c) for the longest prefix; `null`: that prefix fails (a) or (b). */
  get known (): DifferenceSums | null {
    const longest = this.#prefixes.length - 1
    return this.isSpread(longest) ? sumDifferences(this.#since(longest), this.#thresholds) : null
  }

  #since (prefix: number): DifferenceSums[] {
    if (this.#sixth === 0) return []
    const since = this.#prefixes[prefix]!.ends - this.#sixth
    return this.#stretches.filter(({ ends }) => ends > since).map(({ known }) => known)
  }
}

const NO_UNITS: Differences = { lost: 0, kept: 0, gained: 0 }

function speaksAgainst (known: Differences, a: number): boolean { return unitsOf(known) > 0 && logEvidence(a, known) < 0 }

/** Whether the longest prefix of the last look may certify threshold k, as far as this rule goes. @param a tolerance of the test */
export function mayLongestCertify ({ known }: EvidenceSpan, k: number, a: number): boolean {
  return known !== null && !speaksAgainst(differencesAt(known, k), a)
}

/** N as a multiple of N0, the lossless units of a first certificate: 186 at 2 points, 73 at 5. */
const GATHERED = 5

/** N, the units that the control share gathers in a span. */
export function gatheredUnits (policy: Policy): number {
  return GATHERED * unitsOfFirstCertificate(testedBound(policy), firstBar(policy))
}

/** The time in which the traffic becomes known. A shorter span has a shorter minute. */
const MINUTE = 60_000
const minuteOf = (span: number): number => Math.min(MINUTE, span / 30)
/** The part of a minute below which the traffic of a span would be guessed from a few generations. */
const MOMENT = 1 / 6

/** The open units that may be expected, half of the room of a context. */
const MOST_OPEN = 8192

/** Where a share is to gather units. Times in ms. */
interface Gathering {
  readonly policy: Policy
  readonly traffic?: Traffic | undefined
  readonly clock: number
  /** Units that are not accounted for. */
  readonly open: number
}

const NO_TRAFFIC = new Traffic()

/** Whether the traffic of a whole span is known. */
export function isFirstSpanOver ({ policy, traffic = NO_TRAFFIC, clock }: Gathering): boolean {
  return traffic.age(clock) >= spanOf(policy)
}

/** The control share that gathers N units a span; 1 without a span. */
export function gatheringShare ({ policy, traffic = NO_TRAFFIC, clock }: Gathering): number {
  const span = spanOf(policy)
  if (span === 0) return 1
  const minute = minuteOf(span)
  const share = gatheredUnits(policy) / traffic.perSpan(clock, span, MOMENT * minute)
  return Math.min(traffic.age(clock) < minute ? FIRST_SHARE : 1, share)
}

/**
 * The largest control share at which no more open units are expected than there should be. Expected are those of now, scaled with the
 * share, and up to a whole follow-up while less of it has passed.
 */
export function shareWithRoom ({ policy, traffic = NO_TRAFFIC, clock, open }: Gathering): number {
  const span = spanOf(policy)
  if (span === 0 || open === 0) return 1
  const share = traffic.enrolledShare(clock, span) / policy.label_rate
  const passed = Math.max(minuteOf(span), traffic.age(clock))
  return share * MOST_OPEN / (open * Math.max(1, 1000 * policy.follow_up_seconds / passed))
}

/** A span as it is stored. */
export function packSpan ({ recent, known, ...rest }: EvidenceSpan): EvidenceSpan {
  return {
    ...rest,
    recent: recent.map(({ differences, ...run }) => ({ ...run, differences: packDifferences(differences) })),
    known: known && packDifferences(known),
  }
}

/** A span that was stored. */
export function unpackSpan ({ recent, known, ...rest }: EvidenceSpan, thresholds: number): EvidenceSpan {
  return {
    ...rest,
    recent: recent.map(({ differences, ...run }) => ({ ...run, differences: unpackDifferences(differences, thresholds) })),
    known: known && unpackDifferences(known, thresholds),
  }
}
