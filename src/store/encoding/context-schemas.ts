import { type TSchema, Type } from '#typebox'
import { PolicySchema } from '../../../openapi/policy-schemas.js'
import { NO_DRIFT } from '../../core/certificate/drift.js'
import type { DifferenceSums } from '../../core/certificate/difference-sums.js'
import type { OpenEvidence, PackedEvidence } from '../../core/certificate/evidence-sum.js'
import { noEvidence } from '../../core/certificate/evidence.js'
import type { TestedEvidence } from '../../core/certificate/tested-evidence.js'
import { GRID } from '../../core/certificate/thresholds.js'
import { BREACH_SIGHTS } from '../../core/certificate/breach.js'
import { type Cadences, NO_CADENCES } from '../../core/contexts/cadences.js'
import { type ContextState, openEpoch } from '../../core/contexts/context-state.js'
import { type GraderCounts, NO_GRADER } from '../../core/contexts/grader.js'
import { startHistory } from '../../core/contexts/savings-history.js'
import { UNLIKELY_REASONS } from '../../core/contexts/probe-spending.js'
import { type Arms, NO_ARMS } from '../../core/contexts/arms.js'
import { arePrompts } from '../../core/enrolment/seen-prompts.js'
import { countPacked } from '../../core/enrolment/seen-units.js'
import type { StoredCohort, StoredSlice } from '../../core/enrolment/stored-cohort.js'
import { CONFIDENCE, DEFAULT_POLICY } from '../../core/policy/policy.js'
import { isGridLength } from '../../core/predictor/predictor.js'
import { check, fieldsLike, like, number, numbersByName, orNull, probeFormFinding, ratio, text, time } from './stored-schemas.js'

// The written form of a state: as it is, but empty evidence is null.

export type Gathered = Pick<ContextState, 'evidence' | 'open' | 'tested'>

export interface WrittenGathered {
  readonly evidence: PackedEvidence | null
  readonly open: Omit<OpenEvidence, 'evidence'> & { readonly evidence: PackedEvidence | null }
  readonly tested: TestedEvidence
  /** Number of thresholds of its grid. */
  readonly thresholds: number
}

export type WrittenState = Omit<ContextState, keyof Gathered | 'cadences' | 'grader' | 'arms'> & WrittenGathered & {
  /** `null`: nothing was counted. */
  readonly cadences: Cadences | null
  readonly grader: GraderCounts | null
  readonly arms: Arms | null
}

const { label, max_em_drop: maxEmDrop, error_level: errorLevel } = PolicySchema.properties

const terms = Type.Object({ max_em_drop: maxEmDrop, error_level: errorLevel })

const lists = Type.Array(number)

const partialOf = (list: TSchema) => Type.Optional(Type.Record(Type.String({ pattern: '^-?[1-7]$' }), list, { additionalProperties: false }))

/** Evidence whose lists are as given; of those that `packEvidence` leaves empty, either. */
function evidenceOf (list: TSchema) {
  const packed = Type.Union([list, Type.Tuple([])])
  const partial = partialOf(list)
  const known = { lost: packed, gained: packed, unprobed: packed, tokens: list, probe_tokens: Type.Optional(list) }
  return Type.Object({ ...fieldsLike(noEvidence(2)), ...known, partial })
}

/** Evidence on any grid: `isOfGrid` checks that its lists have the length of a grid. */
export const evidence = evidenceOf(Type.Array(number))

const rawList = Type.Array(number, { minItems: GRID.length, maxItems: GRID.length })

const openSumOf = (evidence: TSchema) => Type.Object({ evidence: orNull(evidence), unaccounted: number })

/** Sums of differences: lists of zeros are empty. `isOfGrid` checks lengths. */
const differences = Type.Object({ generations: number, lost: lists, gained: lists, partial: partialOf(lists) })

const tested = Type.Object({ at: number, time: number, final: differences, open: Type.Object({ sums: differences, unaccounted: number }) })

const run = Type.Object({
  ...fieldsLike({ lost: 0, kept: 0, gained: 0 }),
  partial: Type.Optional(Type.Array(Type.Tuple([number, number]))),
})

const newState = openEpoch(undefined, 'reset', DEFAULT_POLICY, ['?'], { time: 0, name: '' })

const savingsHistory = startHistory(newState, 0)
const savedTokens = { tokens_saved: orNull(number), tokens_saved_low: orNull(number), tokens_saved_high: orNull(number) }
const savingsPeriods = Type.Array(Type.Object({ at: number, ...savedTokens, tokens: number }))

/** As it is written: empty evidence is null. */
const state = Type.Object({
  ...fieldsLike(newState),
  meaning: Type.Object({
    ...fieldsLike(newState.meaning), score_fingerprint: orNull(text), check_every_tokens: PolicySchema.properties.check_every_tokens,
  }),
  thresholds: Type.Integer(),
  evidence: orNull(evidence),
  open: openSumOf(evidence),
  tested,
  newest: Type.Object({ threshold: number, runs: Type.Array(run) }),
  hold: orNull(Type.Object({ breaches: number, until: number, is_over: Type.Boolean() })),
  probe_form: orNull(Type.Object({ ...probeFormFinding, at: number, asked: number, equal: number })),
  cadences: orNull(like(NO_CADENCES)),
  grader: orNull(Type.Object({ ...fieldsLike(NO_GRADER), digest: orNull(text) })),
  arms: orNull(like(NO_ARMS)),
  log_evidence: orNull(Type.Object({ best: number, now: number })),
  unlikely: orNull(Type.Enum([...UNLIKELY_REASONS])),
  day: Type.Object({ ...fieldsLike(newState.day), last_generations: orNull(number), net: orNull(number) }),
  savings_history: Type.Optional(Type.Object({ ...fieldsLike(savingsHistory), hours: savingsPeriods, days: savingsPeriods })),
  threshold: orNull(ratio),
  guarantee: orNull(Type.Object({
    max_em_drop: maxEmDrop,
    error_level: errorLevel,
    post_hoc: Type.Boolean(),
    label,
    about: text,
    as_judged: Type.Boolean(),
    follow_up_ratio: number,
    cancelled_ratio: number,
    on_arrival: Type.Boolean(),
    scope: Type.Enum(['context', 'pool']),
    generations: number,
    em_drop: number,
    stops: number,
    fidelity: orNull(ratio),
    served_em_drop: orNull(number),
    served_em_drop_high: orNull(number),
    total_em_drop_bound: orNull(number),
    breach: Type.Enum([...BREACH_SIGHTS]),
    tokens_saved_ratio: number,
    tokens_saved_gross_ratio: number,
    epoch: number,
    since_step: orNull(number),
  })),
  last_evidence_at: orNull(number),
  judged_by: Type.Optional(terms),
  label_sources: Type.Optional(numbersByName),
  label_losses: Type.Optional(Type.Object({ reported: number, lost: rawList, gained: rawList })),
  fed_by: Type.Optional(numbersByName),
  checkpoint: Type.Optional(orNull(Type.Object({
    run: text,
    step: number,
    expected: orNull(Type.Object({ threshold: number, tokens_saved_ratio: number, em_drop: number })),
    since: Type.Optional(number),
  }))),
  membership: Type.Optional(Type.Object({
    epoch: text,
    units: number,
    is_known: Type.Boolean(),
    evidence,
    drift: like(NO_DRIFT),
    unwatched: Type.Array(Type.Object({ slice: number, units: Type.Array(Type.Tuple([number, number])) })),
    left_at: orNull(time),
  })),
})

const hasStateFields = check(state)

/** A state as it is written. All its evidence must be of the grid of its score. */
export function isState (value: unknown): boolean {
  if (!hasStateFields(value)) return false
  const { meaning, thresholds, evidence, open, tested, membership } = value as WrittenState
  const isOfScore = meaning.score === CONFIDENCE ? thresholds === GRID.length : thresholds === 0 || isGridLength(thresholds)
  const own = membership?.evidence
  return isOfScore && [evidence, open.evidence].every((sums) => sums === null || isOfGrid(sums, thresholds)) &&
    areOfGrid(tested, thresholds) && (own === undefined || isOfGrid(own, own.tokens.length))
}

function areOfGrid ({ final, open }: TestedEvidence, thresholds: number): boolean {
  return [final, open.sums].every((sums) => areDifferencesOfGrid(sums, thresholds))
}

function areDifferencesOfGrid ({ lost, gained, partial = {} }: DifferenceSums, thresholds: number): boolean {
  return [lost, gained].every(({ length }) => length === 0 || length === thresholds) &&
    Object.values(partial).every(({ length }) => length === thresholds)
}

export function isOfGrid ({ lost, gained, unprobed, tokens, probe_tokens, partial = {} }: PackedEvidence, thresholds: number): boolean {
  return [lost, gained, unprobed].every(({ length }) => length === 0 || length === thresholds) &&
    [tokens, probe_tokens ?? tokens, ...Object.values(partial)].every(({ length }) => length === thresholds)
}

const unit = Type.Object({
  tokens: number,
  em: number,
  labelled: number,
  unprobed_generations: number,
  eighths: lists,
  stopped_tokens: lists,
  unprobed: lists,
  probe_tokens: Type.Optional(lists),
})

const report = Type.Object({
  u: ratio,
  leaf: Type.Optional(text),
  byPrompt: Type.Optional(Type.Boolean()),
  samples: orNull(number),
  indices: lists,
  ...fieldsLike({ reported: 0, cancelled: 0, lost: 0, atWorst: 0 }),
  saved: Type.Optional(like({ samples: 0, tokens: 0 })),
  waiting: Type.Array(text),
  sums: orNull(unit),
})
/** Units in packed numbers, which `isCohort` checks. */
const memory = { units: text, until: text }

const slice = Type.Object({
  number,
  begins: number,
  ends: orNull(number),
  enrolled: number,
  open: number,
  evidence: orNull(evidence),
  watched: orNull(evidence),
  differences: orNull(differences),
  counts: like({ accounted: 0, missing: 0, cancelled: 0 }),
})

const cohort = Type.Object({
  epoch: text,
  traffic: Type.Object({ bin: number, first: orNull(number), units: lists, counts: lists, peaks: lists }),
  next_slice: number,
  looked_at: number,
  is_changed: Type.Boolean(),
  spent: Type.Object({
    accounted: Type.Object(memory),
    void: Type.Object(memory),
    missed: text,
    former: Type.Object({ units: text, until: number }),
  }),
  prompts: Type.Object({ filters: Type.Tuple([text, text]), count: number, since: number }),
  early: Type.Array(Type.Object({ u: number, generation_id: text, until: number })),
  slices: Type.Array(slice),
  stops: Type.Array(Type.Object({ generation_id: text, at: number, difference: orNull(Type.Enum([-1, 0, 1])), unchanged: number })),
  members: Type.Object({
    runs: Type.Array(Type.Tuple([ratio, number, number, number, Type.Integer({ minimum: 1 })])), units: text, hashes: text,
  }),
  reports: Type.Array(report),
})

const hasCohortFields = check(cohort)

/** A cohort as it is written. The slice of each member must be there, and the evidence of a slice must be of one grid. */
export function isCohort (value: unknown): boolean {
  if (!hasCohortFields(value)) return false
  const { slices, members, spent, prompts } = value as StoredCohort
  const enrolled = members.runs.reduce((sum, [, , , , count]) => sum + count, 0)
  const counts = [spent.accounted, spent.void].map(({ units }) => countPacked(units, 1))
  const areWhole = [members.units, members.hashes].every((numbers) => countPacked(numbers, 1) === enrolled) && arePrompts(prompts) &&
    [spent.missed, spent.former.units].every((units) => countPacked(units, 1) !== null) &&
    [spent.accounted, spent.void].every(({ until }, i) => counts[i] !== null && countPacked(until) === counts[i])
  const numbers = new Set(slices.map(({ number }) => number))
  return areWhole && members.runs.every(([, , slice]) => numbers.has(slice)) && slices.every(areSumsOfOneGrid)
}

/** Without evidence a slice has no other sums. */
function areSumsOfOneGrid ({ evidence, watched, differences: tested }: StoredSlice): boolean {
  if (evidence === null) return watched === null && tested === null
  const { length } = evidence.tokens
  return isGridLength(length) && isOfGrid(evidence, length) && (watched === null || isOfGrid(watched, length)) &&
    (tested === null || areDifferencesOfGrid(tested, length))
}
