import { fromNumbers, type SavingsSums } from '../../src/core/stats/savings-sums.js'
import { noDifferences } from '../../src/core/stats/difference-sums.js'
import { evidenceUnitOf } from '../../src/core/stats/evidence.js'
import { NO_DRIFT } from '../../src/core/guards/drift.js'
import { GRID } from '../../src/core/decide/grid.js'
import { type KeptTrace, stopsOf, type Trace } from '../../src/core/stats/trace.js'
import { type ContextState, openEpoch } from '../../src/core/learn/context-state.js'
import type { Pin } from '../../src/core/policy/pin.js'
import type { CohortRules } from '../../src/core/evidence/accounting.js'
import { Cohort } from '../../src/core/evidence/cohort.js'
import type { CohortsHeader } from '../../src/core/evidence/cohorts.js'
import { DEFAULT_POLICY, type PolicyPatch } from '../../src/core/policy/policy.js'
import type { PredictorVersion } from '../../src/core/scores/predictor-version.js'
import type { Sample } from '../../src/core/scores/sample.js'
import type { Ledger } from '../../src/core/learn/ledger.js'
import type { Command, LogEntry, PredictorEntry } from '../../src/core/learn/log-entry.js'
import { type PendingOutcome, pruneSteps } from '../../src/core/learn/pending-outcomes.js'
import type { Commit } from '../../src/store/learner-store.js'
import type { StoredEntry } from '../../src/store/log.js'
import type { Packing } from '../../src/store/encoding/packed-texts.js'
import type { TextBatch } from '../../src/store/event-store.js'
import type { Store } from '../../src/store/store.js'
import type { TrainingWrite } from '../../src/store/training-run-store.js'
import { outcomeOf } from '../core/learn/memory-fold.js'
import { changed } from '../changed-state.js'

export const outcome = (generation_id: string): LogEntry => outcomeOf({ generation_id })
export const outcomes = (...ids: string[]): LogEntry[] => ids.map(outcome)
/** An outcome that waits for a label. */
export const unlabelled = (generation_id: string): LogEntry => outcomeOf({ generation_id, full: {} })
export const label = (generation_id: string): LogEntry => ({ type: 'label', generation_id, em: 1 })
/** `count` ids that start with the name. */
export const idsOf = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}-${i}`)
/** A batch of texts, given by generation id. */
export function batch (records: Iterable<readonly [string, readonly string[]]>): TextBatch {
  const all = [...new Map(records)] // each id once
  const starts = [0]
  for (const [, texts] of all) starts.push(starts.at(-1)! + texts.length)
  return { ids: all.map(([id]) => id), starts, texts: all.flatMap(([, texts]) => texts) }
}
/** A text of eight bytes, twelve where it is packed. */
export const textsAt = (...numbers: number[]): string[] => numbers.map((number) => String(number).padStart(8, '0'))
/** Like `packing`, but at once instead of in turns. */
export const packingAtOnce = (batch: TextBatch): Packing => ({ ...batch, texts: batch.texts.map((text) => Buffer.from(text)) })
/** The generation ids of outcomes, and the types of other entries. */
export const idsIn = (entries: readonly StoredEntry[]): string[] => entries.map(({ entry }) => entry.type === 'outcome' ? entry.generation_id : entry.type)

export const TICK: LogEntry = { type: 'tick' }
/** The enrolment list of a replica. */
export const LIST: LogEntry = { type: 'enrolment', boot: 'replica "1"', number: 1, age: 0.1 + 0.2, entries: [{ key: 'model=q', epoch: null, share: 0.02, draws: [[0.01, 0.5], [1e-300, 0.25]] }, { key: '*', epoch: '1-0', share: 1, draws: [] }] }
export const RESET: Command = { type: 'reset', key: '*', by: 'ops', reason: 'a new checkpoint' }
export const pinOf = (threshold: number | null): Pin => ({ threshold, reason: 'why', by: 'ops', expires_at: null })
export const pinEntry = (key: string, threshold: number | null): Command => ({ type: 'pin', key, pin: pinOf(threshold), by: 'ops', reason: 'why' })
export const policyEntry = (key: string, policy: PolicyPatch | null): Command => ({ type: 'policy', key, policy, by: 'ops' })
export const unpinEntry = (key: string): Command => ({ type: 'pin', key, pin: null, by: 'ops', reason: 'done' })

/** A version of a predictor. Predictors are ordered by `created_at`. */
export function versionOf (name: string, created_at: number, retired_at: number | null = null): PredictorVersion {
  const contexts = { '*': { log_median: 6.5, weights: [0.1 + 0.2, 1e-300, -1, 0] }, 'model=é%2C': { log_median: 6, length_power: 0.1 + 0.2, weights: [1, 2, 3, 4] } }
  const trained = { generations: 2, steps: 7, groups: [0.25, 0.5] }
  return { predictor: { name, label: 'exact_match', levels: 'model,task', signals: [], contexts, grid: GRID, trained }, created_at, by: 'trainer', retired_at }
}
export const predictorEntry = (name: string, version: PredictorVersion | null): PredictorEntry => ({ type: 'predictor', name, version, by: 'ops' })

/** A sample of a control generation, which `u` identifies. */
export function sampleOf (u: number, leaf = 'model=q,task=a'): Sample {
  return { u, leaf, label: 'exact_match', tokens: 100, steps: [{ tokens: 32, confidence: 0.1 + 0.2, signals: { entropy: 1e-300 }, lost: 1 }] }
}

/** A state with this number of generations. */
export function state (generations: number): ContextState {
  const opened = openEpoch(undefined, { cause: 'first_enrolment', policy: DEFAULT_POLICY, levels: ['model', 'task'], time: 1000, name: '1000-0' })
  const none = noDifferences(GRID.length)
  const differences = { ...none, generations: 2, lost: none.lost.with(29, 1.5), partial: { 4: none.lost.with(29, 1) } }
  const recent = [{ begins: 5, ends: 9, differences }, { begins: 9, ends: 11, differences: none }]
  const span = { began: 5, busiest: 2, recent, known: differences }
  const drift = NO_DRIFT.map((_, bet) => [1, 0.1 + 0.2, 1e-300][bet % 3]!)
  return changed(opened, { reports: { generations }, evidence: { span }, guards: { drift } })
}

export const LEDGER: Ledger = {
  configuration: { levels: ['model', 'task'], defaults: { max_em_drop: 0.01 }, max_contexts: 10 },
  policies: new Map([['*', { mode: 'shadow' }], ['model=q', {}]]),
  pins: new Map([['model=q', pinOf(null)]]),
  contexts: 3,
  refused: 1,
  waiting: new Map([['model=late', { count: 3, since: 5 }]]),
  searched_at: new Map([['*', 7]]),
  predictors: [{ name: 'p', fingerprint: '00c0ffee' }],
  train_at: 300,
}

export const change = (time: number) => ({ time, key: '*', cause: 'evidence' as const, epoch: 1, before: null, after: 0.97 })

/** An outcome that awaits its label. */
export const pendingOf = (id: string, u = 0.25): PendingOutcome =>
  ({ outcome: pruneSteps(outcomeOf({ generation_id: id, u }), { minTokens: [0], scorer: null, isSampled: false }), leaf: 'model=q,task=-', key: 'model=q,task=-' })

/** A header with the time of the follow-up clock, ms. */
export const headerOf = (passed: number): CohortsHeader => ({ clock: { time: 5000 + passed, passed }, boots: { 'replica "1"': { number: 7, at: 0.1 + 0.2, time: 5000 } } })

const RULES: CohortRules = {
  followUp: 1_800_000,
  wait: 12_000,
  span: 0,
  labelRate: 1,
  stops: 0,
  scoring: { thresholds: GRID.length },
  worstUnit: () => null,
}

/** A cohort with an open group, a member that awaits its label, a member that is accounted for, and an early outcome. */
export function cohortOf (epoch = '1000-0'): Cohort {
  const cohort = new Cohort(epoch)
  const draws = [[0.1, 0.5], [0.2, 0.25], [0.3, 0.125], [0.1 + 0.2, 0.1], [0.6, 0.3]] as const
  const [group, waits, done] = cohort.enrol({ key: 'model=q', epoch, share: 0.5, draws }, 0.1 + 0.2, RULES)
  const trace: Trace = { tokens: 100, answerTokens: 0, em: 1, steps: [{ tokens: 32, score: 0.9, em: 0 }], isComplete: true }
  const unit = evidenceUnitOf(trace, stopsOf(trace, 0))
  cohort.report(group!, { kind: 'known', unit }, 8, 1000, RULES)
  cohort.report(waits!, { kind: 'awaits_label', generation_id: 'waits' }, 1, 1000, RULES)
  cohort.report(done!, { kind: 'known', unit }, 1, 1000, RULES)
  cohort.addEarly({ u: 0.7, generation_id: 'early', until: 13_000 })
  cohort.takeCounts()
  return cohort
}

/** A run with a series of one report, on top of the given revision. */
export function trainingWriteOf (name: string, from: number | null, given: Partial<TrainingWrite> = {}): TrainingWrite {
  const checkpoint = { step: 5, suite: 's', em: 0.5, n: 100, tokens_mean: 10.5 }
  const summary = { suite: 's', steps: 1, replayed: 0, step: 5, em: 0.5, tokens_mean: 10.5, verdicts: [] }
  const run = { name, revision: (from ?? 0) + 1, created_at: 1, updated_at: 2, suites: [summary], contexts: [{ key: '*', step: 5, at: 1 }] }
  return { run, from, series: [{ suite: 's', points: [{ step: 5, attempts: [{ checkpoint, received_at: 2 }] }], forgotten_through: null }], entries: [], dropped: [], ...given }
}

/** A full trace of two steps. @param tokens of the run */
export function traceOf (tokens: number): KeptTrace {
  return { epoch: '1-0', tokens, answer_tokens: 2, em: null, probe_tokens: 4, steps: { tokens: [16, 32], confidence: [0.5, null], answers: '=-', probe_tokens: [2, 4] } }
}

/** The sums of a day, each other than the others. */
export const sumsOf = (value: number): SavingsSums => fromNumbers((i) => Number((value + i).toPrecision(9)))

/** A commit that changes only the given parts. */
export function commitOf (token: number, given: Partial<Commit> = {}): Commit {
  return { token, from: '0-0', to: '0-0', contexts: new Map(), pending: new Map(), cohorts: new Map(), follow_up: headerOf(0), reservoir: new Map(), traces: new Map(), ledger: null, decisive: [], changes: [], days: [], ...given }
}

/** The whole content of a store, to compare; without `lagMs`, which changes by itself. */
export async function contentOf (store: Store) {
  const { lagMs: _, ...revision } = await store.revision()
  const contextKeys = (await store.contextKeys()).sort()
  const traceKeys = [...contextKeys, 'model=q']
  const [learned, contexts, policies, pins, predictors, history, audit, changed, log, ...traces] = await Promise.all([
    store.learned(), store.readContexts(contextKeys), store.policies(), store.pins(), store.predictors(), store.history(100),
    store.audit(100), store.changedSince(0), store.read('0-0', 10_000, 0),
    ...traceKeys.map((key) => store.readTraces(key)),
  ])
  const sorted = <T> (map: ReadonlyMap<string, T>) => [...map].sort(([a], [b]) => a < b ? -1 : 1)
  const { cursor, ledger } = learned
  return {
    revision,
    contextKeys,
    cursor,
    ledger,
    learned: sorted(learned.contexts),
    contexts: sorted(contexts),
    policies: sorted(policies),
    pins: sorted(pins),
    predictors: [...predictors],
    pending: sorted(new Map(learned.pending.map((pending) => [pending.outcome.generation_id, pending]))),
    cohorts: sorted(learned.cohorts),
    follow_up: learned.follow_up,
    traces,
    reservoir: learned.reservoir.toSorted(([a], [b]) => a - b),
    history,
    audit,
    changed: changed.sort(),
    log,
  }
}

/** Counts outcomes into the root's state, as a learner folds them. Each commit ends the day with the number of outcomes. */
export async function foldNext (store: Store, token: number, waitMs: number): Promise<void> {
  const { cursor, contexts } = await store.learned()
  const entries = await store.read(cursor, 50, waitMs)
  if (entries.length === 0) return
  const day = (contexts.get('*')?.reports.generations ?? 0) + entries.filter(({ entry }) => entry.type === 'outcome').length
  const days = [{ day, contexts: new Map([['*', sumsOf(day)]]) }]
  await store.commit(commitOf(token, { from: cursor, to: entries.at(-1)!.cursor, contexts: new Map([['*', state(day)]]), decisive: ['*'], days }))
}

/** The errors that every operation of a store rejects with; `null` where an operation succeeds. */
export async function failuresOf (store: Store): Promise<Array<string | null>> {
  const calls: Array<Promise<unknown>> = [
    store.append([TICK]), store.read('0-0', 1, 0), store.acquireLease('a', 1000), store.renewLease(1, 1000), store.releaseLease(1),
    store.learned(), store.commit(commitOf(1)), store.revision(), store.changedSince(0), store.contextKeys(), store.readContexts(['*']), store.readCohorts(['*']), store.readTraces('*'),
    store.readSavings(1), store.policies(), store.pins(), store.predictors(), store.history(1), store.audit(1), store.answers.append(batch([['g', ['text']]])),
    store.answers.read(['g']), store.answers.forget(['g']), store.trainingRuns.list(), store.trainingRuns.read('r'), store.trainingRuns.readSeries('r', ['s']),
    store.trainingRuns.write(trainingWriteOf('r', null)),
  ]
  return (await Promise.allSettled(calls)).map((call) => call.status === 'rejected' ? call.reason.name : null)
}
