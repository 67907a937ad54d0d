import { type TSchema, Type } from '#typebox'
import { Compile, type Validator } from '#typebox/compile'
import { PolicySchema } from '../../../openapi/policy-schemas.js'
import { MAX_TOKENS, PROBE_FORM_NAMES } from '../../core/decide/index.js'
import type { LogEntry } from '../../core/learn/index.js'
import { ROOT } from '../../core/policy/index.js'
import { isGridLength, type Predictor } from '../../core/scores/index.js'

// Parts of the schemas of stored values.

export const text = Type.String()
export const number = Type.Number()

export const em = Type.Enum([0, 1])
/** Scores and thresholds. A threshold below 0 would stop everyone. */
export const ratio = Type.Number({ minimum: 0, maximum: 1 })
/** A time in ms that has a date. */
export const time = Type.Number({ minimum: -8.64e15, maximum: 8.64e15 })

export const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])
export const numbersByName = Type.Record(text, number)

/** The shape of an example: lists have its length, but empty ones may have any; where it has null there may be anything. */
export function like (example: unknown): TSchema {
  if (example === null) return Type.Unknown()
  if (Array.isArray(example)) {
    const { length } = example
    return length === 0 ? Type.Array(Type.Unknown()) : Type.Array(like(example[0]), { minItems: length, maxItems: length })
  }
  if (typeof example === 'number') return number
  if (typeof example !== 'object') return typeof example === 'string' ? text : Type.Boolean()
  return Type.Object(fieldsLike(example))
}

export const fieldsLike = (example: object) =>
  Object.fromEntries(Object.entries(example).map(([name, value]) => [name, like(value)]))

/** Compiles the validator when the first value is checked: a process reads few kinds of values, and each thread would compile all. */
export function check (schema: TSchema): (value: unknown) => boolean {
  let validator: Validator | undefined
  return (value) => (validator ??= Compile(schema)).Check(value)
}

// Values in the store are used only if they match these schemas: a missing or odd field would stop the learner for all contexts.

// The API's schema of a policy, but for fields that it does not know.
const policy = Type.Partial(Type.Object(PolicySchema.properties))

const { label } = PolicySchema.properties

/** Of any score. */
export const threshold = Type.Number({ minimum: 0, maximum: MAX_TOKENS })

const pin = Type.Object({ threshold: orNull(threshold), reason: text, by: text, expires_at: orNull(time), scorer: Type.Optional(text) })

const judged = {
  exact_match: Type.Optional(em),
  agreement: Type.Optional(em),
  answer_digest: Type.Optional(text),
  may_differ: Type.Optional(Type.Boolean()),
}

const arm = orNull(Type.Enum(['control', 'treated']))

const optional = Type.Optional(number)

const step = {
  tokens: number,
  confidence: orNull(number),
  signals: Type.Optional(numbersByName),
  repeats: Type.Optional(Type.Literal(true)),
  asked_tokens: optional,
  ...judged,
  difference: Type.Optional(Type.Number({ minimum: -1, maximum: 1 })),
}

const outcome = {
  generation_id: text,
  u: number,
  hash: number,
  by_prompt: Type.Optional(Type.Literal(true)),
  is_unmarked: Type.Optional(Type.Literal(true)),
  is_call: Type.Optional(Type.Literal(true)),
  is_rewarded: Type.Optional(Type.Literal(true)),
  arm,
  is_retry: Type.Optional(Type.Literal(true)),
  context: Type.Record(text, text),
  tokens: number,
  answer_tokens: number,
  stopped: Type.Boolean(),
  budget_tokens: optional,
  stopped_probe: Type.Optional(Type.Object({ tokens: number, ...judged })),
  cancelled: Type.Optional(Type.Boolean()),
  no_label: Type.Optional(Type.Literal(true)),
  end_probe: Type.Optional(em),
  samples: Type.Optional(number),
  sample_index: orNull(number),
  full: Type.Object(judged),
  steps: orNull(Type.Array(Type.Object(step))),
  steps_complete: Type.Boolean(),
  steps_asked: optional,
  probe_tokens: optional,
  probe_prefill_tokens: optional,
  asked_tokens: optional,
  by: Type.Optional(text),
  prefix: Type.Optional(text),
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

const formName = Type.Enum([...PROBE_FORM_NAMES])

const probeForm = Type.Object({ name: formName, suffix: text, before: text, after: text, tokens: Type.Integer({ minimum: 1 }) })

/** The fields of a finding of a probe form. */
export const probeFormFinding = {
  form: orNull(probeForm),
  is_stated: Type.Boolean(),
  generations: number,
  tried: Type.Array(Type.Object({ name: formName, agreement: ratio, self_agreement: ratio, tokens: number })),
}

const numbers = Type.Array(number)

const trace = Type.Object({
  epoch: text,
  tokens: number,
  answer_tokens: number,
  em: orNull(em),
  probe_tokens: optional,
  steps: Type.Object({
    tokens: numbers, confidence: Type.Array(orNull(number)), answers: text, probe_tokens: Type.Optional(numbers),
  }),
})

const configuration = Type.Object({ levels: Type.Array(text), defaults: policy, max_contexts: number })

/** As it is written, with its maps as lists of pairs. */
const ledger = Type.Object({
  configuration,
  policies: Type.Array(Type.Tuple([text, policy])),
  pins: Type.Array(Type.Tuple([text, pin])),
  contexts: number,
  refused: number,
  waiting: Type.Array(Type.Tuple([text, Type.Object({ count: number, since: number })])),
  searched_at: Type.Array(Type.Tuple([text, number])),
  predictors: Type.Array(Type.Object({ name: text })),
  train_at: number,
})

/** State of the follow-up outside the cohorts. */
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
  before: orNull(threshold),
  after: orNull(threshold),
  before_scorer: Type.Optional(text),
  after_scorer: Type.Optional(text),
  alarm: Type.Optional(Type.Object({ since: time, units: number, em_drop: number, stops: number })),
  fields: Type.Optional(Type.Array(text)),
  mode_before: Type.Optional(Type.Enum(['enforce', 'shadow', 'off'])),
  mode_after: Type.Optional(Type.Enum(['enforce', 'shadow', 'off'])),
  by: Type.Optional(text),
  reason: Type.Optional(text),
})

const policyCommand = Type.Object({ key: text, policy: orNull(policy), by: text })

const pinCommand = Type.Object({ key: text, pin: orNull(pin), by: text })

const acknowledgement = Type.Object({ by: text, reason: text })

const resetCommand = Type.Object({ key: text, by: text, below: Type.Optional(Type.Literal(false)) })

export const isPolicy = check(policy)
export const isPin = check(pin)
export const isPending = check(pending)
export const isSample = check(sample)
export const isTrace = check(trace)
export const isLedger = check(ledger)
export const isFollowUp = check(followUp)
export const isRun = check(run)
export const isChange = check(change)
export const isLoss = check(Type.Object({ kind: Type.Enum(['replaced', 'older', 'unreadable']), at: time }))

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
      key: text,
      epoch: orNull(text),
      share: ratio,
      draws: Type.Array(Type.Tuple([ratio, ratio])),
      prefix: Type.Optional(text),
    })),
  })),
  outcome: check(Type.Object(outcome)),
  label: check(Type.Object({
    generation_id: text,
    em: Type.Optional(em),
    answer: Type.Optional(text),
    references: Type.Optional(Type.Array(text)),
    stopped_probe_em: Type.Optional(em),
    steps: Type.Optional(Type.Array(orNull(em))),
    differences: Type.Optional(Type.Array(orNull(Type.Integer({ minimum: -8, maximum: 8 })))),
    stopped_probe_difference: Type.Optional(Type.Enum([-1, 0, 1])),
    source: Type.Optional(text),
  })),
  refused_stops: check(Type.Object({ stops: Type.Array(Type.Tuple([text, Type.Integer({ minimum: 1 })])) })),
  policy: check(policyCommand),
  pin: check(pinCommand),
  reset: check(resetCommand),
  checkpoint: check(Type.Object({ key: text, run: text, step: number, continues: Type.Optional(Type.Literal(true)) })),
  probe_form: check(Type.Object({ key: text, finding: Type.Object(probeFormFinding), by: text, prefix: Type.Optional(text) })),
  predictor: (value) => {
    const { name, version } = value as { name?: unknown, version?: unknown }
    return typeof name === 'string' && (version === null || isPredictor(version))
  },
  configuration: check(Type.Object({ configuration })),
  acknowledgement: check(acknowledgement),
  import: check(Type.Object({
    replaced: Type.Record(text, like({
      looks: { count: 0, at: 0, level: 0, uncertified: 0 }, error_level: 0, is_served: true, is_reported: true, units: 0,
    })),
  })),
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
  typed('acknowledgement', acknowledgement),
  Type.Object({ type: Type.Literal('probe_form'), key: text, form: probeForm, by: text }),
])

/** A command as the audit trail has it. */
export const isCommand = check(command)

export const isAuditRow = check(Type.Object({ time, version: number, command }))
