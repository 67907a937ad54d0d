import { noEvidence } from '../certificate/evidence.js'
import { addUnitTo, sumFrom, type EvidenceSum } from '../certificate/evidence-sum.js'
import { leftOutBeside, type OpenEvidence } from '../certificate/open-evidence.js'
import type { Unit } from '../certificate/unit.js'
import { addWorst, type CohortRules, type CohortScorer } from './account-for.js'
import { unitOfMember, type Member } from './member.js'
import type { Slice } from './slice.js'

/** The open slices of a cohort, all its members, and the members of which some samples are known. */
export interface Looked {
  readonly slices: readonly Slice[]
  readonly members: Iterable<Member>
  readonly partlyKnown: Iterable<Member>
}

/**
 * What each ended slice adds to the prefix before it, for one scorer. Final slices are left out, and so are those after an unended one.
 * @returns evidence of the units that are accounted for or have a known worst case, and the number of the other units
 */
export function lookAtOpen ({ slices, members, partlyKnown }: Looked, scorer: CohortScorer, rules: CohortRules): OpenEvidence[] {
  const { thresholds, since, isSetAside } = scorer
  const ended = slices.filter((slice) => !slice.isCounted && slice.ends !== null && slice.number >= since)
  const known = ended.map((slice) => slice.evidence.get(scorer.scorer))
  const unaccounted = ended.map((slice) => slice.open.control)
  const sums = new Map<number, EvidenceSum>()
  if (isSetAside !== undefined) {
    for (const { slice, arm, u } of members) {
      const place = ended.indexOf(slice)
      if (place !== -1 && arm === 'control' && isSetAside(u)) unaccounted[place]!--
    }
  }
  for (const member of partlyKnown) {
    const place = ended.indexOf(member.slice)
    if (place === -1 || member.arm !== 'control' || isSetAside?.(member.u) === true) continue
    const unit = worstUnit(member, scorer, rules)
    if (unit === null) continue
    let sum = sums.get(place)
    if (sum === undefined) sums.set(place, sum = sumFrom(known[place] ?? noEvidence(thresholds)))
    addUnitTo(sum, unit)
    unaccounted[place]!--
  }
  const evidenceOf = (place: number) => sums.get(place) ?? known[place] ?? noEvidence(thresholds)
  return ended.map(({ counts }, place) => {
    const leftOut = leftOutBeside(known[place]?.generations ?? 0, counts)
    return { evidence: evidenceOf(place), unaccounted: unaccounted[place]!, ...(leftOut > 0 && { left_out: leftOut }) }
  })
}

/** What a member is at worst; `null`: nothing is known of it. */
function worstUnit (member: Member, { scorer, thresholds }: CohortScorer, rules: CohortRules): Unit | null {
  const known = member.worst?.get(scorer)
  if (known !== undefined) return known
  const unit = computeWorst(member, scorer, thresholds, rules)
  const worst = member.worst ??= new Map<number, Unit | null>()
  worst.set(scorer, unit)
  return unit
}

function computeWorst (member: Member, scorer: number, thresholds: number, rules: CohortRules): Unit | null {
  const { samples, reported, waiting } = member
  const unlabelled = rules.missingLabels === 'excluded' ? waiting.length : 0
  if (samples === null || reported === unlabelled) return null
  const absent = Math.max(0, samples - reported)
  if (unlabelled > 0) return unitOfMember(member, scorer, thresholds, absent + unlabelled)
  const worst = { ...member }
  for (const id of waiting) addWorst(worst, id, rules)
  return unitOfMember(worst, scorer, thresholds, absent)
}
