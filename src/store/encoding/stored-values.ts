import type { KeptTrace } from '../../core/stats/index.js'
import { type Pin, type PolicyPatch, UNREADABLE_POLICY } from '../../core/policy/index.js'
import type { CohortsHeader, StoredCohort } from '../../core/evidence/index.js'
import type { PredictorVersion, Sample } from '../../core/scores/index.js'
import { type Change, type Ledger, type PendingOutcome, SLOTS_OF_CONTEXT, type Waiting } from '../../core/learn/index.js'
import type { Series, TrainingRun } from '../../core/training/index.js'
import type { Learned } from '../learner-store.js'
import { isCohort } from './context-schemas.js'
import { inTurns } from './in-turns.js'
import { isFollowUp, isLedger, isPending, isPin, isPolicy, isPredictor, isRun, isSample, isTrace } from './stored-schemas.js'

export const encodePending = (pending: PendingOutcome): string => JSON.stringify(pending)
export const encodeCohort = (cohort: StoredCohort): string => JSON.stringify(cohort)
export const encodeFollowUp = (header: CohortsHeader): string => JSON.stringify(header)
export const encodeTrace = (trace: KeptTrace): string => JSON.stringify(trace)
export const encodeSample = (sample: Sample): string => JSON.stringify(sample)
export const encodeChange = (change: Change): string => JSON.stringify(change)

export function encodeLedger (ledger: Ledger): string {
  const { policies, pins, waiting, searched_at: searched } = ledger
  return JSON.stringify({ ...ledger, policies: [...policies], pins: [...pins], waiting: [...waiting], searched_at: [...searched] })
}

/** The ledger that was written as this JSON value. */
export function reviveLedger (written: object): Ledger {
  const ledger = written as WrittenLedger
  const { policies, pins, waiting, searched_at: searched } = ledger
  return { ...ledger, policies: new Map(policies), pins: new Map(pins), waiting: new Map(waiting), searched_at: new Map(searched) }
}

type WrittenLedger = Omit<Ledger, 'policies' | 'pins' | 'waiting' | 'searched_at'> & {
  readonly policies: ReadonlyArray<[string, PolicyPatch]>
  readonly pins: ReadonlyArray<[string, Pin]>
  readonly waiting: ReadonlyArray<[string, Waiting]>
  readonly searched_at: ReadonlyArray<[string, number]>
}

// An unreadable value must not make the others unreadable. It is left out, or replaced by a value that never stops.

/** Replaces an unreadable pin. Doubt means continue. */
export const UNREADABLE_PIN: Pin = { threshold: null, reason: 'the pin could not be read', by: 'stopgate', expires_at: null }

/** The stored value, or `otherwise` if it is not JSON or not valid. */
export function readValue<T, U> (text: string, isValid: (value: unknown) => boolean, otherwise: U): T | U {
  try {
    const value = JSON.parse(text)
    return isValid(value) ? value : otherwise
  } catch { return otherwise }
}

export const readPolicy = (text: string): PolicyPatch => readValue<PolicyPatch, PolicyPatch>(text, isPolicy, UNREADABLE_POLICY)
export const readPin = (text: string): Pin => readValue<Pin, Pin>(text, isPin, UNREADABLE_PIN)
export const readPending = (text: string): PendingOutcome | null => readValue(text, isPending, null)
const readCohort = (text: string): StoredCohort | null => readValue(text, isCohort, null)
const readFollowUp = (text: string): CohortsHeader | null => readValue(text, isFollowUp, null)
export const readSample = (text: string): Sample | null => readValue(text, isSample, null)
const readTrace = (text: string): KeptTrace | null => readValue(text, isTrace, null)
export const readPredictor = (text: string): PredictorVersion | null => readValue(text, isPredictor, null)

export function readLedger (text: string): Ledger | null {
  const written = readValue<object, null>(text, isLedger, null)
  return written === null ? null : reviveLedger(written)
}

/** The cohorts that can be read, by key. @param texts in the order of the keys; `null`: there is none */
export function readCohorts (keys: readonly string[], texts: ReadonlyArray<string | null>): Map<string, StoredCohort> {
  return new Map(keys.flatMap((key, i) => {
    const cohort = texts[i] == null ? null : readCohort(texts[i])
    return cohort === null ? [] : [[key, cohort] as const]
  }))
}

/** Names of all the traces that a context may have. */
export function traceNames (key: string): string[] { return Array.from({ length: SLOTS_OF_CONTEXT }, (_, slot) => `${key} ${slot}`) }

/** The traces that can be read. @param texts `null`: the slot is empty */
export async function readKeptTraces (texts: ReadonlyArray<string | null>): Promise<KeptTrace[]> {
  const traces = await inTurns(texts, (text) => text === null ? null : readTrace(text))
  return traces.filter((trace) => trace !== null)
}

/** Learned state as a store keeps it, but for the contexts. */
interface LearnedTexts {
  readonly ledger: string | null
  readonly follow_up: string | null
  readonly pending: ReadonlyArray<readonly [id: string, text: string]>
  readonly cohorts: ReadonlyArray<readonly [key: string, text: string]>
  readonly reservoir: ReadonlyArray<readonly [number: number, text: string]>
}

export async function readLearned (texts: LearnedTexts): Promise<Omit<Learned, 'cursor' | 'contexts'>> {
  const ledger = texts.ledger === null ? null : readLedger(texts.ledger)
  const follow_up = texts.follow_up === null ? null : readFollowUp(texts.follow_up)
  const pending = await readRows(texts.pending, readPending)
  const cohorts = await readRows(texts.cohorts, (text) => follow_up === null ? null : readCohort(text)) // their times are by its clock
  const reservoir = await readRows(texts.reservoir, readSample)
  return {
    ledger,
    follow_up,
    pending: pending.whole.map(([, value]) => value),
    cohorts: new Map(cohorts.whole),
    reservoir: reservoir.whole,
    damaged: {
      ledger: texts.ledger !== null && ledger === null ? 1 : 0,
      pending: pending.damaged,
      cohorts: cohorts.damaged,
      samples: reservoir.damaged,
    },
  }
}

async function readRows<K, V> (
  rows: ReadonlyArray<readonly [K, string]>, decode: (text: string) => V | null
): Promise<{ whole: Array<readonly [K, V]>, damaged: K[] }> {
  const values = await inTurns(rows, ([, text]) => decode(text))
  return {
    whole: rows.flatMap(([key], i) => values[i] === null ? [] : [[key, values[i]!] as const]),
    damaged: rows.flatMap(([key], i) => values[i] === null ? [key] : []),
  }
}

// The text of a run starts with its revision, so that a Redis script can compare it without parsing the rest.

export const encodeRun = (run: TrainingRun): string => `${run.revision} ${JSON.stringify(run)}`

/** @throws Error if the text is damaged */
export function decodeRun (text: string): TrainingRun {
  const run = JSON.parse(text.slice(text.indexOf(' ') + 1))
  if (!isRun(run)) throw new Error('a field is missing or has the wrong type')
  return run
}

/** The revision as the Redis script reads it; 0 if it is damaged. */
export const revisionOf = (text: string): number => Number(/^\d+/.exec(text)?.[0] ?? 0)

/** Reads an unreadable run as one without suites and contexts; the next report on it writes it again. */
export function readRun (name: string, text: string): TrainingRun {
  const revision = revisionOf(text)
  try { return { ...decodeRun(text), revision } } catch {
    return { name, revision, created_at: 0, updated_at: 0, suites: [], contexts: [] }
  }
}

/** A run starts with its first report on a suite, so it always has one. */
export const isUnreadableRun = ({ suites }: TrainingRun): boolean => suites.length === 0

export const encodeSeries = (series: Series): string => JSON.stringify(series)
export const decodeSeries = (text: string): Series => JSON.parse(text)

/** The key of a series in its table. Names can be any text. */
export const seriesKey = (run: string, suite: string): string => JSON.stringify([run, suite])
