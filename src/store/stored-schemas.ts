import { Type, type TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { PolicySchema } from '../../openapi/policy-schemas.js'
import { noEvidence } from '../core/certificate/evidence.js'
import { GRID } from '../core/certificate/grid.js'
import type { PackedEvidence } from '../core/certificate/packed-evidence.js'
import { countPacked } from '../core/enrolment/packed-numbers.js'
import type { StoredCohort } from '../core/enrolment/stored-cohort.js'
import { RAW } from '../core/enrolment/slice.js'
import { openEpoch } from '../core/judgement/context-state.js'
import type { LogEntry } from '../core/learn/log-entry.js'
import { ROOT } from '../core/policy/context.js'
import { DEFAULT_POLICY } from '../core/policy/policy.js'
import { isGridLength, type Predictor } from '../core/predictor/predictor.js'

// What values in the store must look like to be used. A missing or odd field would otherwise stop the learner, for all contexts.

const text = Type.String()
const number = Type.Number()
const em = Type.Enum([0, 1])
/** Scores and thresholds. A threshold below 0 would stop everyone. */
const ratio = Type.Number({ minimum: 0, maximum: 1 })
/** A time in ms that has a date. */
const time = Type.Number({ minimum: -8.64e15, maximum: 8.64e15 })
const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])
const numbersByName = Type.Record(text, number)

/** The shape of an example: lists have its length, but empty ones may have any; where it has null there may be anything. */
function like (example: unknown): TSchema {
  if (example === null) return Type.Unknown()
  if (Array.isArray(example)) {
    const { length } = example
    return length === 0 ? Type.Array(Type.Unknown()) : Type.Array(like(example[0]), { minItems: length, maxItems: length })
  }
  if (typeof example === 'number') return number
  if (typeof example !== 'object') return typeof example === 'string' ? text : Type.Boolean()
  return Type.Object(fieldsLike(example))
}

const fieldsLike = (example: object) =>
  Object.fromEntries(Object.entries(example).map(([name, value]) => [name, like(value)]))

// The API's schema of a policy, but for fields that it does not know.
const policy = Type.Partial(Type.Object(PolicySchema.properties))
const { label, max_em_drop: maxEmDrop, error_level: errorLevel } = PolicySchema.properties

const pin = Type.Object({ threshold: orNull(ratio), reason: text, by: text, expires_at: orNull(time), scorer: Type.Optional(text) })

const judged = { exact_match: Type.Optional(em), agreement: Type.Optional(em), answer_digest: Type.Optional(text) }
const arm = orNull(Type.Enum(['control', 'treated']))
const optional = Type.Optional(number)
const step = { tokens: number, confidence: orNull(number), signals: Type.Optional(numbersByName), asked_tokens: optional, ...judged }
const outcome = {
  generation_id: text,
  u: number,
  hash: number,
  arm,
  context: Type.Record(text, text),
  tokens: number,
  answer_tokens: number,
  stopped: Type.Boolean(),
  cancelled: Type.Optional(Type.Boolean()),
  samples: Type.Optional(number),
  sample_index: orNull(number),
  full: Type.Object(judged),
  steps: orNull(Type.Array(Type.Object(step))),
  steps_complete: Type.Boolean(),
  probe_tokens: optional,
  probe_prefill_tokens: optional,
  asked_tokens: optional,
  by: Type.Optional(text),
}

const pending = Type.Object({
  outcome: Type.Object({
    ...outcome, steps: orNull(Type.Array(Type.Object({ ...step, place: optional }))), asked: optional,
  }),
  leaf: text,
  key: text,
})

const sample = Type.Object({
  u: number,
  leaf: text,
  label,
  tokens: number,
  steps: Type.Array(Type.Object({ tokens: number, confidence: number, signals: Type.Optional(numbersByName), lost: em })),
})

const configuration = Type.Object({ levels: Type.Array(text), defaults: policy, max_contexts: number, time_scale: number })

/** As it is written, with its maps as lists of pairs. */
const ledger = Type.Object({
  configuration,
  policies: Type.Array(Type.Tuple([text, policy])),
  pins: Type.Array(Type.Tuple([text, pin])),
  contexts: number,
  refused: number,
  predictors: Type.Array(Type.Object({ name: text })),
  train_at: number,
})

const terms = Type.Object({ max_em_drop: maxEmDrop, error_level: errorLevel })

/** Evidence whose lists are as given; of those that `packEvidence` leaves empty, either. */
function evidenceOf (list: TSchema) {
  const packed = Type.Union([list, Type.Tuple([])])
  const partial = Type.Optional(Type.Record(Type.String({ pattern: '^-?[1-7]$' }), list, { additionalProperties: false }))
  const known = { lost: packed, gained: packed, unprobed: packed, tokens: list, probe_tokens: Type.Optional(list) }
  return Type.Object({ ...fieldsLike(noEvidence(2)), ...known, partial })
}

/** Evidence of any grid: `isOfGrid` tells whether its lists have the length of one. */
const evidence = evidenceOf(Type.Array(number))
const rawEvidence = evidenceOf(Type.Array(number, { minItems: GRID.length, maxItems: GRID.length }))
const openSumOf = (evidence: TSchema) => Type.Object({ evidence: orNull(evidence), unaccounted: number })
const missing = Type.Enum(['excluded', 'lost'])
const newState = openEpoch(undefined, 'reset', DEFAULT_POLICY, ['?'], { time: 0, name: '' })

/** As it is written: empty evidence is null. */
const state = Type.Object({
  ...fieldsLike(newState),
  halves: Type.Tuple([orNull(rawEvidence), orNull(rawEvidence)]),
  open: openSumOf(rawEvidence),
  log_evidence: orNull(Type.Object({ best: number, now: number })),
  serving: orNull(text),
  threshold: orNull(ratio),
  guarantee: orNull(Type.Object({
    max_em_drop: maxEmDrop,
    error_level: errorLevel,
    post_hoc: Type.Boolean(),
    label,
    follow_up_ratio: number,
    cancelled_ratio: number,
    missing_labels: missing,
    missing_outcomes: missing,
    on_arrival: Type.Boolean(),
    scope: Type.Enum(['context', 'pool']),
    generations: number,
    em_drop: number,
    tokens_saved_ratio: number,
    tokens_saved_gross_ratio: number,
    epoch: number,
  })),
  last_evidence_at: orNull(number),
  judged_by: Type.Optional(terms),
  fed_by: Type.Optional(numbersByName),
  checkpoint: Type.Optional(orNull(Type.Object({
    run: text,
    step: number,
    expected: orNull(Type.Object({ threshold: number, tokens_saved_ratio: number, em_drop: number })),
  }))),
  trials: Type.Array(Type.Object({
    predictor: text,
    ordinal: number,
    since: number,
    trained_on: number,
    requested: terms,
    thresholds: Type.Integer(),
    halves: Type.Tuple([orNull(evidence), orNull(evidence)]),
    open: openSumOf(evidence),
    certified: number,
  })),
})

const until = Type.Object({ value: number, until: number })
const lists = Type.Array(number)
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
  samples: orNull(number),
  ...fieldsLike({ reported: 0, leftOut: 0, cancelled: 0, unlabelled: 0, lost: 0, atWorst: 0, graded: 0, em: 0, measured: 0, tokens: 0 }),
  waiting: Type.Array(text),
  sums: Type.Array(Type.Tuple([number, unit])),
})
/** Units in packed numbers, which `isCohort` checks. */
const memory = { units: text, until: text }
const armFigures = like({ units: 0, graded: 0, em: 0, em_squares: 0, measured: 0, tokens: 0, token_squares: 0 })
const slice = Type.Object({
  number,
  begins: number,
  ends: orNull(number),
  isAfterPublication: Type.Boolean(),
  enrolled: number,
  open: like({ control: 0, treated: 0 }),
  evidence: Type.Array(Type.Tuple([number, evidence])),
  watched: Type.Array(Type.Tuple([number, evidence])),
  counts: like({ accounted: 0, missing: 0, cancelled: 0, excluded: 0 }),
  arms: Type.Array(Type.Object({ share: ratio, control: armFigures, treated: armFigures })),
  isCounted: Type.Boolean(),
})
const cohort = Type.Object({
  epoch: text,
  next_slice: number,
  is_publication_next: Type.Boolean(),
  looked_at: number,
  is_changed: Type.Boolean(),
  bounds: Type.Object({ cutoffs: Type.Array(until), shares: Type.Array(until) }),
  void_until: number,
  spent: Type.Object({ accounted: Type.Object(memory), void: Type.Object({ ...memory, hashes: text }), missed: text }),
  early: Type.Array(Type.Object({ u: number, generation_id: text, until: number })),
  slices: Type.Array(slice),
  members: Type.Array(Type.Object({ share: ratio, at: number, slice: number, units: text })),
  reports: Type.Array(report),
})

/** What is kept besides the cohorts. */
const followUp = Type.Object({
  clock: Type.Object({ time: orNull(number), passed: number }),
  boots: Type.Record(text, Type.Object({ number, at: number, time: number })),
})

const predictor = Type.Object({
  predictor: Type.Object({
    name: text,
    label,
    levels: text,
    trained: Type.Object({ groups: Type.Array(number) }),
    signals: Type.Array(Type.Object({ name: text, mean: number, scale: number })),
    grid: Type.Array(ratio),
    contexts: Type.Record(text, Type.Object({ log_median: number, length_power: Type.Optional(number), weights: Type.Array(number) })),
  }),
  created_at: time,
  by: text,
  retired_at: orNull(time),
})

const run = Type.Object({
  name: text,
  revision: number,
  created_at: time,
  updated_at: time,
  suites: Type.Array(Type.Object({
    suite: text, steps: number, replayed: number, step: number, em: number, tokens_mean: number, verdicts: Type.Array(text),
  })),
  contexts: Type.Array(Type.Object({ key: text, step: number, at: time })),
})

/** A change of the history; its version is kept beside it. */
const change = Type.Object({
  time,
  key: text,
  cause: text,
  epoch: number,
  before: orNull(ratio),
  after: orNull(ratio),
  before_scorer: Type.Optional(text),
  before_fingerprint: Type.Optional(text),
  after_scorer: Type.Optional(text),
  by: Type.Optional(text),
  reason: Type.Optional(text),
})

const policyCommand = Type.Object({ key: text, policy: orNull(policy), by: text })
const pinCommand = Type.Object({ key: text, pin: orNull(pin), by: text })
const resetCommand = Type.Object({ key: text, by: text, below: Type.Optional(Type.Literal(false)) })

function check (schema: TSchema): (value: unknown) => boolean {
  const validator = Compile(schema)
  return (value) => validator.Check(value)
}

export const isPolicy = check(policy)
export const isPin = check(pin)
export const isPending = check(pending)
export const isSample = check(sample)
export const isLedger = check(ledger)
export const isFollowUp = check(followUp)
export const isRun = check(run)
export const isChange = check(change)

/** Below 2^30, as the API demands; more could not be packed. */
const recordedTokens = Type.Integer({ minimum: 0, maximum: 2 ** 30 - 1 })

/** A step as records have it (see record-encoding.ts); what is absent at the end is left out. */
export const isRecordedStep = check(Type.Union([
  Type.Tuple([recordedTokens, orNull(number)]),
  Type.Tuple([recordedTokens, orNull(number), em]),
  Type.Tuple([recordedTokens, orNull(number), orNull(em), orNull(text)]),
  Type.Tuple([recordedTokens, orNull(number), orNull(em), orNull(text), numbersByName]),
]))

const hasStateFields = check(state)
interface WrittenTrial {
  readonly thresholds: number
  readonly halves: ReadonlyArray<PackedEvidence | null>
  readonly open: { readonly evidence: PackedEvidence | null }
}

/** A state as it is written. The evidence of a trial must be of its predictor's grid. */
export function isState (value: unknown): boolean {
  return hasStateFields(value) && (value as { trials: readonly WrittenTrial[] }).trials.every(({ thresholds, halves, open }) =>
    isGridLength(thresholds) && [...halves, open.evidence].every((evidence) => evidence === null || isOfGrid(evidence, thresholds)))
}

function isOfGrid ({ lost, gained, unprobed, tokens, probe_tokens, partial = {} }: PackedEvidence, thresholds: number): boolean {
  return [lost, gained, unprobed].every(({ length }) => length === 0 || length === thresholds) &&
    [tokens, probe_tokens ?? tokens, ...Object.values(partial)].every(({ length }) => length === thresholds)
}

const hasCohortFields = check(cohort)

/** A cohort as it is written. The slice of each member must be there, and the evidence of a slice must be of one grid. */
export function isCohort (value: unknown): boolean {
  if (!hasCohortFields(value)) return false
  const { slices, members, spent } = value as StoredCohort
  const ratios = (packed: string) => countPacked(packed, 1)
  const areWhole = [...members, spent.accounted, spent.void].every(({ units }) => ratios(units) !== null) &&
    ratios(spent.missed) !== null && ratios(spent.void.hashes) === ratios(spent.void.units) &&
    [spent.accounted, spent.void].every(({ units, until }) => ratios(units) === countPacked(until))
  const numbers = new Set(slices.map(({ number }) => number))
  return areWhole && members.every(({ slice }) => numbers.has(slice)) &&
    slices.every(({ evidence, watched }) => [...evidence, ...watched].every(([scorer, sums]) => {
      const { length } = sums.tokens
      return (scorer === RAW ? length === GRID.length : isGridLength(length)) && isOfGrid(sums, length)
    }))
}

const hasPredictorFields = check(predictor)
interface StoredPredictor { readonly predictor: Predictor }

/** A predictor must have the root's weights, and as many weights as features: with others its scores would be wrong. */
export function isPredictor (value: unknown): boolean {
  if (!hasPredictorFields(value)) return false
  const { signals, grid, contexts } = (value as StoredPredictor).predictor
  return isGridLength(grid.length) && Object.hasOwn(contexts, ROOT) &&
    Object.values(contexts).every(({ weights }) => weights.length === 4 + signals.length)
}

const ENTRIES: { readonly [T in Exclude<LogEntry['type'], 'unreadable'>]: (value: unknown) => boolean } = {
  enrolment: check(Type.Object({
    boot: text,
    number,
    age: number,
    entries: Type.Array(Type.Object({
      key: text, epoch: orNull(text), share: ratio, draws: Type.Array(Type.Tuple([ratio, ratio])), cutoff: Type.Optional(ratio),
    })),
  })),
  outcome: check(Type.Object(outcome)),
  label: check(Type.Object({
    generation_id: text,
    em: Type.Optional(em),
    answer: Type.Optional(text),
    references: Type.Optional(Type.Array(text)),
    steps: Type.Optional(Type.Array(orNull(em))),
  })),
  policy: check(policyCommand),
  pin: check(pinCommand),
  reset: check(resetCommand),
  checkpoint: check(Type.Object({ key: text, run: text, step: number })),
  predictor: (value) => {
    const { name, version } = value as { name?: unknown, version?: unknown }
    return typeof name === 'string' && (version === null || isPredictor(version))
  },
  configuration: check(Type.Object({ configuration })),
  tick: check(Type.Object({})),
}

export function isEntry (value: unknown): boolean {
  const { type } = (value ?? {}) as { type?: unknown }
  return typeof type === 'string' && Object.hasOwn(ENTRIES, type) && ENTRIES[type as keyof typeof ENTRIES](value)
}

const typed = (type: string, { properties }: { properties: Record<string, TSchema> }) =>
  Type.Object({ type: Type.Literal(type), ...properties })
const command = Type.Union([
  typed('policy', policyCommand), typed('pin', pinCommand), typed('reset', resetCommand),
  Type.Object({ type: Type.Literal('predictor'), name: text, action: Type.Enum(['added', 'retired', 'forgotten']), by: text }),
])

/** A command as the audit trail has it. */
export const isCommand = check(command)
export const isAuditRow = check(Type.Object({ time, version: number, command }))
