import type { Policy } from '../policy/policy.js'
import { logEvidence, reaches } from '../stats/certificate.js'
import { loosestPassing } from '../stats/certified-threshold.js'
import { firstBar } from '../stats/error-budget.js'
import { mergeEvidence, packEvidence, type PackedEvidence, unpackEvidence } from '../stats/evidence-sum.js'
import { type Evidence, noEvidence, thresholdsOf, tokensSaved } from '../stats/evidence.js'
import { testedBound } from '../stats/judge-errors.js'
import { type OpenEvidence, prefixesAt, sumOfOpen } from '../stats/prefixes.js'
import { addFinalSlice, type EvidenceSpan, newSpan, packSpan, PrefixSpans, spanOf, unpackSpan } from './evidence-span.js'
import { addNewest, isHealed, type NewestUnits, NO_NEWEST, windowOf } from './newest-units.js'
import { accountedIn, type Slice } from './slice.js'

/** The evidence of an epoch, and what its prefixes have certified. */
export interface GatheredEvidence {
  /** Of final slices. */
  readonly final: Evidence
  /** The same of what is accounted for, of which estimates are made. Absent: nothing is missing. */
  readonly accounted?: Evidence | undefined
  /** Of ended slices that are not final yet: the longest prefix. */
  readonly open: OpenEvidence
  /** How that evidence is spread over time (rule E8). */
  readonly span: EvidenceSpan
  /** The newest of its units, by which spoilt evidence recovers. */
  readonly newest: NewestUnits
  /** Index of the loosest threshold that some prefix has certified, -1 for none. */
  readonly certified: number
  /** ln E of the threshold in force: the largest since it came into force, and the current one; `null`: no threshold is in force. */
  readonly log_evidence: { readonly best: number, readonly now: number } | null
  /** When the last slice with units became final, ms; `null`: none has. */
  readonly last_at: number | null
}

export function newGathered (thresholds: number, policy: Policy): GatheredEvidence {
  return {
    final: noEvidence(thresholds),
    accounted: undefined,
    open: { evidence: noEvidence(thresholds), unaccounted: 0 },
    span: newSpan(thresholds, spanOf(policy)),
    newest: NO_NEWEST,
    certified: -1,
    log_evidence: null,
    last_at: null,
  }
}

/** A final slice joins the sum. */
export function addFinal (gathered: GatheredEvidence, slice: Slice, policy: Policy, time: number): GatheredEvidence {
  const { final } = gathered
  const { evidence } = slice
  const accounted = gathered.accounted === undefined && slice.accounted === null ? null : accountedIn(slice)
  return {
    ...gathered,
    final: evidence === null ? final : mergeEvidence(final, evidence),
    accounted: accounted === null ? gathered.accounted : mergeEvidence(gathered.accounted ?? final, accounted),
    span: addFinalSlice(gathered.span, slice, spanOf(policy)),
    newest: evidence === null ? gathered.newest : newestWith(gathered, evidence, policy),
    last_at: slice.enrolled > 0 ? time : gathered.last_at,
  }
}

function newestWith ({ newest, certified, final }: GatheredEvidence, more: Evidence, policy: Policy): NewestUnits {
  const next = certified + 1
  if (next === thresholdsOf(final)) return newest
  return addNewest(newest, more, next, windowOf(testedBound(policy), firstBar(policy)))
}

/** The slices that are not final, and the evidence of those that have ended. */
interface Looked { readonly slices: readonly Slice[], readonly open: readonly OpenEvidence[] }

interface Look {
  readonly policy: Policy
  /** ln of the value that E must reach. */
  readonly bar: number
  /** The loosest threshold that stays certified whatever the evidence is now, -1 for none. */
  readonly from: number
  /** Index of the threshold in force, -1 for none. */
  readonly inForce: number
}

/** Looks at every prefix (rules E4 and E8). */
export function lookAt (gathered: GatheredEvidence, { slices, open }: Looked, { policy, bar, from, inForce }: Look): GatheredEvidence {
  const a = testedBound(policy)
  const { final, span, log_evidence: last } = gathered
  const thresholds = thresholdsOf(final)
  const spans = new PrefixSpans({ evidence: final, span, slices, open }, spanOf(policy))
  const isCertified = (k: number) => prefixesAt(final, open, k).some((prefix, i) =>
    spans.isSpread(i) && reaches(a, prefix, bar) && !spans.isContradicted(i, k, a))
  const certified = loosestPassing(isCertified, thresholds, from)
  const now = inForce === -1 ? null : Math.max(...prefixesAt(final, open, inForce).map((prefix) => logEvidence(a, prefix)))
  const log_evidence = now === null ? last : { best: Math.max(now, last?.best ?? now), now }
  return { ...gathered, open: sumOfOpen(open, thresholds), span: { ...span, known: spans.known }, certified, log_evidence }
}

/**
 * Whether spoilt evidence has to begin again (rule E9): no threshold that saves is certified, the first that is not certified has lost its
 * evidence, and its newest units alone would certify it.
 */
export function isRecovered (gathered: GatheredEvidence, policy: Policy): boolean {
  const { final, newest, certified } = gathered
  const isSaving = certified !== -1 && tokensSaved(knownEvidence(gathered), certified) > 0 // the loosest saves most
  if (newest.threshold !== certified + 1 || isSaving) return false
  return isHealed(newest, final, testedBound(policy), firstBar(policy))
}

type Sums = Pick<GatheredEvidence, 'final' | 'accounted' | 'open'>

/** The evidence of final and of open slices. */
export function knownEvidence ({ final, open }: Sums): Evidence { return mergeEvidence(final, open.evidence) }

/** The evidence of final and of open slices that is accounted for: people read estimates of it, and their intervals. */
export function accountedEvidence ({ final, accounted, open }: Sums): Evidence {
  return mergeEvidence(accounted ?? final, open.accounted ?? open.evidence)
}

/** The same where what is missing in final slices counts as lost. */
export function accountedAtWorst ({ final, open }: Sums): Evidence { return mergeEvidence(final, open.accounted ?? open.evidence) }

/** Whether nothing was counted. */
export function isUnseen ({ final, open }: Sums): boolean {
  return final.generations + open.evidence.generations + open.unaccounted === 0
}

/** Evidence as it is stored: `null` where it is empty, as in most contexts. */
export interface StoredGathered extends Omit<GatheredEvidence, 'final' | 'accounted' | 'open'> {
  /** Number of thresholds of its grid. */
  readonly thresholds: number
  readonly final: PackedEvidence | null
  readonly accounted?: PackedEvidence | undefined
  readonly open: Omit<OpenEvidence, 'evidence' | 'accounted'> & { readonly evidence: PackedEvidence | null, readonly accounted?: PackedEvidence | undefined }
}

export function packGathered (gathered: GatheredEvidence): StoredGathered {
  const { final, accounted, open, span } = gathered
  const orNull = (evidence: Evidence) => evidence.generations === 0 ? null : packEvidence(evidence)
  return {
    ...gathered,
    thresholds: thresholdsOf(final),
    final: orNull(final),
    accounted: accounted && packEvidence(accounted),
    open: { ...open, evidence: orNull(open.evidence), accounted: open.accounted && packEvidence(open.accounted) },
    span: packSpan(span),
  }
}

export function unpackGathered (stored: StoredGathered): GatheredEvidence {
  const { thresholds, final, accounted, open, span } = stored
  const none = noEvidence(thresholds)
  const orNone = (packed: PackedEvidence | null) => packed === null || packed.generations === 0 ? none : unpackEvidence(packed)
  return {
    final: orNone(final),
    accounted: accounted && unpackEvidence(accounted),
    open: { ...open, evidence: orNone(open.evidence), accounted: open.accounted && unpackEvidence(open.accounted) },
    span: unpackSpan(span, thresholds),
    newest: stored.newest,
    certified: stored.certified,
    log_evidence: stored.log_evidence,
    last_at: stored.last_at,
  }
}
