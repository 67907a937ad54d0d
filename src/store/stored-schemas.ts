import { ROOT } from '../core/policy/context.js'
import type { LogEntry } from '../core/learn/log-entry.js'
import { DEFAULT_POLICY } from '../core/policy/policy.js'
import { isGridLength } from '../core/predictor/predictor.js'

// Whether what was read from the store has all that it must have, each of its kind: what is missing the learner would miss, for all
// contexts.

type Fields = Readonly<Record<string, unknown>>
type Kind = (value: unknown) => boolean

const isText: Kind = (value) => typeof value === 'string'
export const isNumber: Kind = Number.isFinite
/** Scores and thresholds: with one below them everybody would stop. */
const isRatio: Kind = (value) => isNumber(value) && (value as number) >= 0 && (value as number) <= 1
/** Levels and bounds: at 0 and below the formulas give no number, and at 1 all is lost. */
const isPart: Kind = (value) => isNumber(value) && (value as number) > 0 && (value as number) < 1
/** Of which there is a date, ms: replies show it as one. */
const isTime: Kind = (value) => isNumber(value) && Math.abs(value as number) <= 8.64e15
const isFlag: Kind = (value) => typeof value === 'boolean'
const isEm: Kind = (value) => value === 0 || value === 1
export const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
const orNull = (kind: Kind): Kind => (value) => value === null || kind(value)
const orNone = (kind: Kind): Kind => (value) => value === undefined || kind(value)
const oneOf = (...values: unknown[]): Kind => (value) => values.includes(value)
const allOf = (kind: Kind): Kind => (value) => isFields(value) && Object.values(value).every(kind)
const listOf = (kind: Kind): Kind => (value) => Array.isArray(value) && value.every(kind)
function having (kinds: Readonly<Record<string, Kind>>): (value: unknown) => boolean {
  const pairs = Object.entries(kinds)
  return (value) => isFields(value) && pairs.every(([name, kind]) => kind(value[name]))
}

const judged = { exact_match: orNone(isEm), agreement: orNone(isEm), answer_digest: orNone(isText) }
const isArm = orNull(oneOf('control', 'treated'))
const step = { tokens: isNumber, confidence: orNull(isNumber), signals: orNone(allOf(isNumber)), ...judged }
const outcome = {
  generation_id: isText,
  u: isNumber,
  arm: isArm,
  context: allOf(isText),
  tokens: isNumber,
  answer_tokens: isNumber,
  stopped: isFlag,
  sample_index: orNull(isNumber),
  full: having(judged),
  steps: orNull(listOf(having(step))),
  steps_complete: isFlag,
}

/** All that the API lets in; more would not fit where they are packed. */
const isTokens: Kind = (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 30
/** In the order in which they are written (see record-encoding.ts); those at the end may be absent. */
const recorded = [isTokens, orNull(isNumber), orNone(orNull(isEm)), orNone(orNull(isText)), orNone(allOf(isNumber))]
export const isWholeRecordedStep: Kind = (value) => Array.isArray(value) && recorded.every((kind, i) => kind(value[i]))

const wish = { max_em_drop: isPart, error_level: isPart }
/** Of a policy's fields those of whose kind the default does not tell enough. */
const STATED: Readonly<Record<string, Kind>> = {
  ...wish,
  label: oneOf('exact_match', 'agreement'),
  missing_labels: oneOf('excluded', 'lost'),
  mode: oneOf('enforce', 'shadow', 'off'),
  fallback: oneOf('continue', 'parent'),
  predictor: oneOf('off', 'auto'),
  control_rate: (value) => value === 'auto' || isRatio(value),
}

/** Of each field by the kind of its default; a field that is not known is a later version's. */
export function isWholePolicy (value: unknown): boolean {
  return isFields(value) && Object.entries(value).every(([name, stated]) => {
    const usual = DEFAULT_POLICY[name as keyof typeof DEFAULT_POLICY]
    if (usual === undefined) return true
    const kind = STATED[name] ?? (usual === null ? orNull(isNumber) : typeof usual === 'boolean' ? isFlag : isNumber)
    return kind(stated)
  })
}

export const isWholePin = having({
  threshold: orNull(isRatio), reason: isText, by: isText, expires_at: orNull(isTime), scorer: orNone(isText),
})

export const isWholePending = having({
  outcome: having({ ...outcome, steps: orNull(listOf(having({ ...step, place: isNumber }))), asked: isNumber }),
  leaf: isText,
  time: isNumber,
  arm: isArm,
  comparedAt: orNull(isNumber),
  isOfAnotherShare: isFlag,
  number: isNumber,
  isSettled: isFlag,
})

export const isWholeSample = having({
  u: isNumber,
  leaf: isText,
  label: STATED.label!,
  tokens: isNumber,
  steps: listOf(having({ tokens: isNumber, confidence: isNumber, signals: orNone(allOf(isNumber)), lost: isEm })),
})

const isConfiguration = having({ levels: listOf(isText), defaults: isWholePolicy, max_contexts: isNumber, label_wait_seconds: isNumber })
const isPair = (kind: Kind): Kind => (value) => Array.isArray(value) && value.length === 2 && isText(value[0]) && kind(value[1])

/** As it is written, its maps as lists of pairs. */
export const isWholeLedger = having({
  configuration: isConfiguration,
  policies: listOf(isPair(isWholePolicy)),
  pins: listOf(isPair(isWholePin)),
  contexts: isNumber,
  refused: isNumber,
  predictors: listOf(having({ name: isText })),
  train_at: isNumber,
})

const promise = {
  ...wish, generations: isNumber, labelled_ratio: isNumber, em_drop: isNumber, tokens_saved_ratio: isNumber, epoch: isNumber,
}
const expected = { threshold: isNumber, tokens_saved_ratio: isNumber, em_drop: isNumber }

/** Of a context's state, what may be absent or null, and what its trials have besides half-windows. */
export const hasWholeRest = having({
  serving: orNull(isText),
  threshold: orNull(isRatio),
  guarantee: orNull(having(promise)),
  last_evidence_at: orNull(isNumber),
  judged_by: orNone(having(wish)),
  fed_by: orNone(allOf(isNumber)),
  checkpoint: orNone(orNull(having({ run: isText, step: isNumber, expected: orNull(having(expected)) }))),
  trials: listOf(having({ predictor: isText, ordinal: isNumber, since: isNumber, trained_on: isNumber, requested: having(wish) })),
})

const scales = listOf(having({ name: isText, mean: isNumber, scale: isNumber }))

/** Of what it computes with nothing may be missing: a score would be none, or another. */
function computes (value: unknown): boolean {
  const { signals, contexts, grid } = value as Fields
  if (!scales(signals) || !isFields(contexts) || !Object.hasOwn(contexts, ROOT) || !listOf(isRatio)(grid)) return false
  const weights: Kind = (list) => listOf(isNumber)(list) && (list as unknown[]).length === 4 + (signals as unknown[]).length
  const isKnown = having({ log_median: isNumber, length_power: orNone(isNumber), weights })
  return isGridLength((grid as unknown[]).length) && allOf(isKnown)(contexts)
}

const hasWords = having({ name: isText, label: STATED.label!, levels: isText, trained: having({ groups: listOf(isNumber) }) })

export const isWholePredictor = having({
  predictor: (value) => hasWords(value) && computes(value), created_at: isTime, by: isText, retired_at: orNull(isTime),
})

const summary = {
  suite: isText, steps: isNumber, replayed: isNumber, step: isNumber, em: isNumber, tokens_mean: isNumber, verdicts: listOf(isText),
}
export const isWholeRun = having({
  name: isText,
  revision: isNumber,
  created_at: isTime,
  updated_at: isTime,
  suites: listOf(having(summary)),
  contexts: listOf(having({ key: isText, step: isNumber, at: isTime })),
})

const ENTRIES: { readonly [T in Exclude<LogEntry['type'], 'unreadable'>]: Kind } = {
  outcome: having(outcome),
  label: having({
    generation_id: isText,
    em: orNone(isEm),
    answer: orNone(isText),
    references: orNone(listOf(isText)),
    steps: orNone(listOf(orNull(isEm))),
  }),
  policy: having({ key: isText, policy: orNull(isWholePolicy), by: isText }),
  pin: having({ key: isText, pin: orNull(isWholePin), by: isText }),
  reset: having({ key: isText, by: isText }),
  checkpoint: having({ key: isText, run: isText, step: isNumber }),
  predictor: having({ name: isText, version: orNull(isWholePredictor) }),
  configuration: having({ configuration: isConfiguration }),
  tick: isFields,
}

/** As the audit trail has it. */
export function isWholeCommand (value: unknown): boolean {
  if (!isFields(value)) return false
  if (value.type === 'predictor') return having({ name: isText, action: oneOf('added', 'retired', 'forgotten'), by: isText })(value)
  return oneOf('policy', 'pin', 'reset')(value.type) && isWholeEntry(value)
}

/** As the history has it; its version is looked at where it is kept. */
export const isWholeChange = having({
  time: isTime,
  key: isText,
  cause: isText,
  epoch: isNumber,
  before: orNull(isRatio),
  after: orNull(isRatio),
  before_scorer: orNone(isText),
  before_fingerprint: orNone(isText),
  after_scorer: orNone(isText),
  by: orNone(isText),
  reason: orNone(isText),
})

export const isWholeAuditRow = having({ time: isTime, version: isNumber, command: isWholeCommand })

export function isWholeEntry (value: unknown): boolean {
  const type = isFields(value) && isText(value.type) ? value.type as string : ''
  return Object.hasOwn(ENTRIES, type) && ENTRIES[type as keyof typeof ENTRIES](value)
}
