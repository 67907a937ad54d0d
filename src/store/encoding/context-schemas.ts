import { type TSchema, Type } from '#typebox'
import { PolicySchema } from '../../../openapi/policy-schemas.js'
import { LATE_LABELS, NO_ARMS, NO_CADENCES, NO_DRIFT, NO_SIGHT } from '../../core/guards/index.js'
import { type DifferenceSums, NO_SUMS, noEvidence, type PackedEvidence, startHistory } from '../../core/stats/index.js'
import {
  arePrompts, countPacked, type EvidenceSpan, NO_GRADER, type StoredCohort, type StoredSlice, type StoredUnits,
} from '../../core/evidence/index.js'
import { BUDGETS, GRID } from '../../core/decide/index.js'
import { openEpoch, packState, type StoredState, UNLIKELY_REASONS } from '../../core/learn/index.js'
import { CONFIDENCE, DEFAULT_POLICY, TOKENS } from '../../core/policy/index.js'
import { isGridLength } from '../../core/scores/index.js'
import { check, fieldsLike, like, number, numbersByName, orNull, probeFormFinding, ratio, text, threshold, time } from './stored-schemas.js'

const { max_em_drop: maxEmDrop, error_level: errorLevel } = PolicySchema.properties

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

const openSumOf = (evidence: TSchema) =>
  Type.Object({ evidence: orNull(evidence), accounted: Type.Optional(evidence), unaccounted: number })

/** Sums of differences: lists of zeros are empty. `isOfGrid` checks lengths. */
const differences = Type.Object({ generations: number, lost: lists, gained: lists, partial: partialOf(lists) })

const span = Type.Object({
  began: orNull(number),
  busiest: number,
  recent: Type.Array(Type.Object({ begins: number, ends: number, differences })),
  known: orNull(differences),
})

const run = Type.Object({
  ...fieldsLike({ lost: 0, kept: 0, gained: 0 }),
  partial: Type.Optional(Type.Array(Type.Tuple([number, number]))),
})

/** Runs of units with so many counts. */
const runsOf = (counts: number) => Type.Array(Type.Array(number, { minItems: counts + 1, maxItems: counts + 1 }), { maxItems: 4 })

const newState = packState(openEpoch(undefined, { cause: 'reset', policy: DEFAULT_POLICY, levels: ['?'], time: 0, name: '' }))

const epoch = Type.Object({
  ...fieldsLike(newState.epoch),
  meaning: Type.Object({
    ...fieldsLike(newState.epoch.meaning), score_fingerprint: orNull(text), check_every_tokens: PolicySchema.properties.check_every_tokens,
  }),
})

const gathered = Type.Object({
  thresholds: Type.Integer(),
  final: orNull(evidence),
  accounted: Type.Optional(evidence),
  open: openSumOf(evidence),
  span,
  newest: Type.Object({ threshold: number, runs: Type.Array(run) }),
  certified: number,
  log_evidence: orNull(Type.Object({ best: number, now: number })),
  last_at: orNull(number),
})

const guards = Type.Object({
  ...fieldsLike(newState.guards),
  late_labels: Type.Optional(Type.Object({ reported: number, differing: lists, detector: like(LATE_LABELS.start) })),
  hold: orNull(Type.Object({ breaches: number, until: number, is_over: Type.Boolean() })),
  sight: orNull(like(NO_SIGHT)),
  arms: orNull(like(NO_ARMS)),
  cadences: orNull(like(NO_CADENCES)),
})

const reports = Type.Object({
  ...fieldsLike(newState.reports),
  recent: Type.Object({ drawn: runsOf(1), arrived: runsOf(3), labels: runsOf(1) }),
  grader: orNull(Type.Object({ ...fieldsLike(NO_GRADER), differing: runsOf(1), agreeing: runsOf(1), digest: orNull(text) })),
  fed_by: Type.Optional(numbersByName),
})

const rule = Type.Object({
  ...fieldsLike(newState.rule),
  threshold: orNull(threshold),
  judged_by: Type.Optional(terms),
  guarantee: orNull(Type.Object({
    max_em_drop: maxEmDrop,
    error_level: errorLevel,
    total_error_level: number,
    post_hoc: Type.Boolean(),
    about: text,
    as_judged: Type.Boolean(),
    since: number,
    until: number,
    units: number,
    cancelled_ratio: number,
    total_em_drop_bound: orNull(number),
    since_step: orNull(number),
  })),
  unlikely: orNull(Type.Enum([...UNLIKELY_REASONS])),
})

const labels = Type.Object({
  sources: Type.Optional(numbersByName),
  losses: Type.Optional(Type.Object({ reported: number, lost: rawList, gained: rawList })),
})

const savedTokens = { tokens_saved: orNull(number), tokens_saved_low: orNull(number), tokens_saved_high: orNull(number) }
const savingsHours = Type.Array(Type.Object({ at: number, ...savedTokens, tokens: number }))

const savings = Type.Object({
  ...fieldsLike(newState.savings),
  day: Type.Object({ ...fieldsLike(newState.savings.day), last_generations: orNull(number), net: orNull(number) }),
  today: orNull(like({ day: 0, ...NO_SUMS })),
  history: Type.Optional(Type.Object({ ...fieldsLike(startHistory(newState.savings, 0)), hours: savingsHours })),
})

const probes = Type.Object({
  ...fieldsLike(newState.probes),
  form: orNull(Type.Object({ ...probeFormFinding, at: number, asked: number, equal: number })),
})

const membership = Type.Object({
  epoch: text,
  units: number,
  is_known: Type.Boolean(),
  evidence,
  drift: like(NO_DRIFT),
  unwatched: Type.Array(Type.Object({ slice: number, units: Type.Array(Type.Tuple([number, number])) })),
  left_at: orNull(time),
})

const checkpoint = Type.Object({
  run: text,
  step: number,
  expected: orNull(Type.Object({ threshold: number, tokens_saved_ratio: number, em_drop: number })),
  since: Type.Optional(number),
})

const hasStateFields = check(Type.Object({
  epoch,
  evidence: gathered,
  guards,
  reports,
  rule,
  labels,
  savings,
  probes,
  membership: Type.Optional(membership),
  checkpoint: Type.Optional(orNull(checkpoint)),
}))

/** A state as it is stored. All its evidence must be of the grid of its score. */
export function isState (value: unknown): boolean {
  if (!hasStateFields(value)) return false
  const { epoch: { meaning }, evidence: { thresholds, final, accounted, open, span }, guards, membership } = value as StoredState
  const { late_labels: late } = guards
  const plain = { [CONFIDENCE]: GRID.length, [TOKENS]: BUDGETS.length }[meaning.score]
  const isOfScore = plain !== undefined ? thresholds === plain : thresholds === 0 || isGridLength(thresholds)
  const own = membership?.evidence
  return isOfScore && [final, accounted, open.evidence, open.accounted].every((sums) => sums == null || isOfGrid(sums, thresholds)) &&
    areOfGrid(span, thresholds) && (late === undefined || late.differing.length === thresholds) &&
    (own === undefined || isOfGrid(own, own.tokens.length))
}

function areOfGrid ({ recent, known }: EvidenceSpan, thresholds: number): boolean {
  const all = recent.map(({ differences }) => differences)
  return [...all, ...(known === null ? [] : [known])].every((sums) => areDifferencesOfGrid(sums, thresholds))
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
  ...fieldsLike({ reported: 0, cancelled: 0, missing: 0, atWorst: 0 }),
  saved: Type.Optional(like({ samples: 0, tokens: 0, known: 0 })),
  waiting: Type.Array(text),
  sums: orNull(unit),
})
/** Units in packed numbers, which `isCohort` checks. */
const memory = { units: text, until: text }

const slice = Type.Object({
  number,
  begins: number,
  ends: orNull(number),
  stops: number,
  enrolled: number,
  open: number,
  evidence: orNull(evidence),
  watched: orNull(evidence),
  accounted: orNull(evidence),
  counts: like({ accounted: 0, missing: 0, cancelled: 0 }),
})

const cohort = Type.Object({
  epoch: text,
  traffic: Type.Object({ first: orNull(number), pieces: Type.Array(Type.Tuple([number, number, number])) }),
  next_slice: number,
  looked_at: number,
  is_changed: Type.Boolean(),
  spent: Type.Object({
    accounted: Type.Object(memory),
    void: Type.Object(memory),
    missed: Type.Object(memory),
    former: Type.Object({ units: text, until: number }),
  }),
  prompts: Type.Object({ filters: Type.Tuple([text, text]), count: number, since: number }),
  early: Type.Array(Type.Object({ u: number, generation_id: text, until: number })),
  slices: Type.Array(slice),
  stops: Type.Array(Type.Object({ generation_id: text, at: number, difference: orNull(Type.Enum([-1, 0, 1])), unchanged: number })),
  members: Type.Object({
    runs: Type.Array(Type.Tuple([ratio, number, number, Type.Integer({ minimum: 1 })])), units: text, hashes: text,
  }),
  reports: Type.Array(report),
})

const hasCohortFields = check(cohort)

/** A cohort as it is written. The slice of each member must be there, and the evidence of a slice must be of one grid. */
export function isCohort (value: unknown): boolean {
  if (!hasCohortFields(value)) return false
  const { slices, members, spent, prompts } = value as StoredCohort
  const enrolled = members.runs.reduce((sum, [, , , count]) => sum + count, 0)
  const areWhole = [members.units, members.hashes].every((numbers) => countPacked(numbers, 1) === enrolled) && arePrompts(prompts) &&
    countPacked(spent.former.units, 1) !== null && [spent.accounted, spent.void, spent.missed].every(isMemory)
  const numbers = new Set(slices.map(({ number }) => number))
  return areWhole && members.runs.every(([, , slice]) => numbers.has(slice)) && slices.every(areSumsOfOneGrid)
}

/** There is an end for each unit. */
function isMemory ({ units, until }: StoredUnits['missed']): boolean {
  const count = countPacked(units, 1)
  return count !== null && countPacked(until) === count
}

/** Without evidence a slice has no other sums. */
function areSumsOfOneGrid ({ evidence, watched, accounted }: StoredSlice): boolean {
  if (evidence === null) return watched === null && accounted === null
  const { length } = evidence.tokens
  return isGridLength(length) && [evidence, watched, accounted].every((sums) => sums === null || isOfGrid(sums, length))
}
