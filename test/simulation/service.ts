import { ContextCounts } from '../../src/core/contexts/context-counts.js'
import type { Arm } from '../../src/core/assignment/arm.js'
import { type ChainLink, linkOf } from '../../src/core/contexts/chain-link.js'
import type { ContextState } from '../../src/core/contexts/context-state.js'
import { decide, type Step } from '../../src/core/decide/decide.js'
import { compileSnapshot, type ContextRule, ruleFor, type Snapshot } from '../../src/core/decide/snapshot.js'
import { Cohorts } from '../../src/core/enrolment/cohorts.js'
import { ENROLMENT_TIMES } from '../../src/core/enrolment/enrolment-list.js'
import { gradeOutcome, type ReportedOutcome } from '../../src/core/outcome/outcome.js'
import { chainOf, type Context, type Levels, ROOT } from '../../src/core/policy/context.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'
import { fitPredictor } from '../../src/core/predictor/fit-predictor.js'
import type { Predictor } from '../../src/core/predictor/predictor.js'
import { Reservoir } from '../../src/core/predictor/reservoir.js'
import { TRAINER } from '../../src/core/reducer/apply-command.js'
import { newLedger } from '../../src/core/reducer/fold.js'
import type { LogEntry } from '../../src/core/reducer/log-entry.js'
import type { Change } from '../../src/core/reducer/threshold-change.js'
import { PendingOutcomes } from '../../src/core/reducer/pending-outcomes.js'
import { foldEntries } from '../../src/service/learner/fold-entries.js'
import { AT_TEST_CADENCE } from '../test-cadence.js'

/** The arm of a generation, the index of the step at which it was stopped, or -1, and how many steps were probed. */
export interface Served { readonly arm: Arm, readonly stoppedAt: number, readonly checks: number }

/** A generation that ran in full, with every step probed. */
export type FullRun = ReportedOutcome & Required<Pick<ReportedOutcome, 'steps'>>

export interface SimulatedService {
  /** Plays one generation as a worker: asks at every step, obeys, reports. */
  readonly serve: (run: FullRun) => Served
  /** An operator's command, or the passing of time. */
  readonly command: (entry: LogEntry) => void
  /** The rule in force for a context. */
  readonly rule: (context: Context) => ContextRule
  readonly state: (key: string) => ContextState | undefined
  /** Puts a context into a state. */
  readonly set: (key: string, state: ContextState) => void
  readonly changes: readonly Change[]
}

/**
 * The service without HTTP, store and threads: the real decisions (`decide` with a compiled snapshot) and the real learner (`foldEntries`).
 * Arms are drawn as the service draws them, from u = murmur(salt, id) and the share in force at the first step.
 *
 * It plays one generation at a time: each is reported before the next one starts, and the snapshot is replaced at once. Outcomes arrive in
 * the order of the starts, so they may count on arrival (`follow_up_seconds: 0`). `enrolment.ts` plays traffic that overlaps.
 */
export function simulatedService (salt: string, levels: Levels, policy: PolicyPatch = {}): SimulatedService {
  const defaults: PolicyPatch = { follow_up_seconds: 0, ...AT_TEST_CADENCE, ...policy }
  const contexts = new Map<string, ContextState>()
  const changes: Change[] = []
  const links = new Map<string, ChainLink>()
  const pending = new PendingOutcomes()
  const cohorts = new Cohorts()
  const counts = new ContextCounts()
  let ledger = newLedger({ levels, max_contexts: 10_000, defaults })
  const reservoir = new Reservoir()
  const predictors = new Map<string, Predictor>()
  let reported = 0
  let triedAt = 0
  let snapshot = refresh([ROOT])

  function refresh (keys: readonly string[]): Snapshot {
    const inputs = { levels, defaultPolicy: defaults, policies: ledger.policies, pins: new Map(), predictors }
    for (const key of keys.flatMap(chainOf)) links.set(key, linkOf(inputs, key, contexts.get(key)))
    return compileSnapshot({ stateId: 'simulation', version: reported, levels, salt }, links, predictors)
  }

  function learn (entry: LogEntry): void {
    const cursor = String(reported)
    const memory = { cursor, ledger, contexts, pending, cohorts, counts, reservoir, predictors }
    const commit = foldEntries(memory, [{ cursor, time: ++reported, entry }], ENROLMENT_TIMES)
    ledger = memory.ledger
    changes.push(...commit.changes)
    if (entry.type !== 'outcome') snapshot = refresh([ROOT, ...contexts.keys()])
    else if (commit.decisive.length > 0) snapshot = refresh(commit.decisive)
  }

  function report (outcome: ReportedOutcome): void {
    learn(gradeOutcome(salt, outcome))
    if (reservoir.added >= ledger.train_at && reservoir.added >= 1.1 * triedAt) train()
  }

  /** As src/service/learner/predictor-trainer.ts does, but at once. */
  function train (): void {
    triedAt = reservoir.added
    const name = `auto-${triedAt}`
    const predictor = fitPredictor(reservoir.samples(), { name, label: 'exact_match', levels: levels.join() })
    if (predictor === null) return
    learn({ type: 'predictor', name, version: { predictor, created_at: reported, by: TRAINER, retired_at: null }, by: TRAINER })
  }

  return {
    serve (run) {
      const { steps, answer_tokens = 0, ...rest } = run
      const { generation_id, group_id, context = {} } = run
      const id = { generation_id, ...(group_id !== undefined && { group_id }), context }
      const { arm, next_check_tokens: next } = decide(snapshot, 'fresh', { ...id, tokens: 0, confidence: null })
      // One object for all steps, which is faster.
      const asked: { -readonly [Field in keyof Step]: Step[Field] } = { ...id, arm, tokens: 0, confidence: null }
      // A control generation continues at every step, so it need not ask.
      const stoppedAt = arm === 'control' || next === null
        ? -1
        : steps.findIndex(({ tokens, confidence, signals }) => {
          asked.tokens = tokens
          asked.confidence = confidence
          if (signals !== undefined) asked.signals = signals
          return decide(snapshot, 'fresh', asked).decision === 'stop'
        })
      const stop = steps[stoppedAt]
      const checks = next === null ? 0 : stop === undefined ? steps.length : stoppedAt + 1
      const probe_tokens = steps.slice(0, checks).reduce((sum, { probe_tokens: tokens = 0 }) => sum + tokens, 0)
      const known = { answer_tokens, arm, steps_asked: checks, probe_tokens }
      if (arm === 'control') report({ ...run, arm })
      else if (stop === undefined) report({ ...rest, ...known })
      else report({ ...rest, ...known, stopped: true, tokens: Math.min(stop.tokens + answer_tokens, run.tokens), em: stop.em! })
      return { arm, stoppedAt, checks }
    },
    command: learn,
    rule: (context) => ruleFor(snapshot, context),
    state: (key) => contexts.get(key),
    set (key, state) {
      contexts.set(key, state)
      snapshot = refresh([key])
    },
    changes,
  }
}
