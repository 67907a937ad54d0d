import { ContextCounts } from '../../src/core/learn/context-counts.js'
import type { Arm } from '../../src/core/decide/arm.js'
import { type ChainLink, linkOf } from '../../src/core/learn/chain-link.js'
import type { ContextState } from '../../src/core/learn/context-state.js'
import { decide, decideStep } from '../../src/core/decide/decide.js'
import { enrolDraw, type EnrolmentSink } from '../../src/core/decide/enrol-draw.js'
import type { Step } from '../../src/core/decide/step.js'
import { compileSnapshot } from '../../src/core/learn/compile-snapshot.js'
import type { ContextRule } from '../../src/core/decide/rule.js'
import { ruleFor, type Snapshot } from '../../src/core/decide/snapshot.js'
import { Cohorts } from '../../src/core/evidence/cohorts.js'
import { ENROLMENT_TIMES, type EnrolmentEntry } from '../../src/core/evidence/enrolment-list.js'
import { gradeOutcome, type ReportedOutcome } from '../../src/core/outcome/outcome.js'
import { chainOf, type Context, type Levels, ROOT } from '../../src/core/policy/context.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'
import { fitPredictor } from '../../src/core/scores/fit-predictor.js'
import type { Predictor } from '../../src/core/scores/predictor.js'
import { Reservoir } from '../../src/core/scores/reservoir.js'
import { TRAINER } from '../../src/core/learn/apply-predictor.js'
import { newLedger } from '../../src/core/learn/ledger.js'
import type { LogEntry } from '../../src/core/learn/log-entry.js'
import type { Change } from '../../src/core/learn/threshold-change.js'
import { PendingOutcomes } from '../../src/core/learn/pending-outcomes.js'
import type { Commit } from '../../src/store/learner-store.js'
import type { StoredEntry } from '../../src/store/log.js'
import { foldEntries } from '../../src/service/learner/fold-entries.js'
import { AT_TEST_CADENCE } from '../test-cadence.js'

/** Time after which a slice ends, ms. */
const SLICE_MS = 1000 / 16

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
 * It plays one generation at a time: each is enrolled, and reported before the next one starts. A control generation is a slice of its own,
 * so it is evidence at once, and the snapshot is replaced. Samples of a prompt, which would start together, count as prompts of their own.
 * `enrolment.ts` plays traffic that overlaps.
 */
export function simulatedService (salt: string, levels: Levels, policy: PolicyPatch = {}): SimulatedService {
  const defaults: PolicyPatch = { follow_up_seconds: 1, evidence_span_seconds: 0, ...AT_TEST_CADENCE, ...policy }
  const contexts = new Map<string, ContextState>()
  const changes: Change[] = []
  const links = new Map<string, ChainLink>()
  const pending = new PendingOutcomes()
  const cohorts = new Cohorts()
  const counts = new ContextCounts()
  let ledger = newLedger({ levels, max_contexts: 10_000, defaults })
  const reservoir = new Reservoir()
  const predictors = new Map<string, Predictor>()
  let [learned, lists, now] = [0, 0, 0]
  let triedAt = 0
  let snapshot = refresh([ROOT])

  function refresh (keys: readonly string[]): Snapshot {
    const inputs = { levels, defaultPolicy: defaults, policies: ledger.policies, pins: new Map(), predictors }
    for (const key of keys.flatMap(chainOf)) links.set(key, linkOf(inputs, key, contexts.get(key)))
    return compileSnapshot({ stateId: 'simulation', version: learned, levels, salt }, links, predictors)
  }

  function learn (entries: ReadonlyArray<Omit<StoredEntry, 'cursor'>>): Pick<Commit, 'decisive'> {
    const memory = { cursor: String(learned), ledger, contexts, pending, cohorts, counts, reservoir, predictors }
    const commit = foldEntries(memory, entries.map((one) => ({ ...one, cursor: String(++learned) })), ENROLMENT_TIMES)
    ledger = memory.ledger
    changes.push(...commit.changes)
    return commit
  }

  function command (entry: LogEntry): void {
    learn([{ time: now, entry }])
    snapshot = refresh([ROOT, ...contexts.keys()])
  }

  /** @param enrolled its entry; absent: it is no control generation */
  function report (outcome: ReportedOutcome, enrolled?: EnrolmentEntry): void {
    const reported = { time: now, entry: gradeOutcome(salt, outcome) }
    const [start, end] = [now, now += SLICE_MS]
    const { decisive } = learn(enrolled === undefined
      ? [reported]
      : [
          { time: start, entry: { type: 'enrolment', boot: 'simulation', number: ++lists, age: 0, entries: [enrolled] } },
          reported,
          { time: end, entry: { type: 'tick' } },
        ])
    if (decisive.length > 0) snapshot = refresh(decisive)
    if (reservoir.added >= ledger.train_at && reservoir.added >= 1.1 * triedAt) train()
  }

  /** As src/service/learner/predictor-trainer.ts does, but at once. */
  function train (): void {
    triedAt = reservoir.added
    const name = `auto-${triedAt}`
    const predictor = fitPredictor(reservoir.samples(), { name, label: 'exact_match', levels: levels.join() })
    if (predictor === null) return
    command({ type: 'predictor', name, version: { predictor, created_at: now, by: TRAINER, retired_at: null }, by: TRAINER })
  }

  return {
    serve ({ group_id: _, sample_index: __, ...run }) {
      const { steps, answer_tokens = 0, ...rest } = run
      const { generation_id, context = {} } = run
      const id = { generation_id, context }
      const { decision: { arm, next_check_tokens: next, budget_tokens: budget, probe }, rule, u } = decideStep(snapshot, 'fresh', { ...id, tokens: 0, confidence: null })
      let enrolled: EnrolmentEntry | undefined
      const enrol = (...[drawn, u, hash]: Parameters<EnrolmentSink['enrol']>) => { enrolled = { ...drawn, draws: [[u, hash]] } }
      enrolDraw({ enrol }, snapshot, rule, { u: u!, id: generation_id, tokens: 0, context })
      // One object for all steps, which is faster.
      const asked: { -readonly [Field in keyof Step]: Step[Field] } = { ...id, arm, tokens: 0, confidence: null }
      // A control generation continues at every step, so it need not ask.
      const stoppedAt = budget != null
        ? steps.findIndex(({ tokens }) => tokens >= budget)
        : arm === 'control' || next === null
          ? -1
          : steps.findIndex(({ tokens, confidence, signals }) => {
            asked.tokens = tokens
            asked.confidence = confidence
            if (signals !== undefined) asked.signals = signals
            return decide(snapshot, 'fresh', asked).decision === 'stop'
          })
      const stop = steps[stoppedAt]
      const probed = budget != null
        ? stop !== undefined && probe ? [stop] : []
        : steps.slice(0, next === null ? 0 : stop === undefined ? steps.length : stoppedAt + 1)
      const checks = probed.length
      const probe_tokens = probed.reduce((sum, { probe_tokens: tokens = 0 }) => sum + tokens, 0)
      const asks = budget == null ? { steps_asked: checks } : { steps_asked: 1, budget_tokens: budget }
      const known = { answer_tokens, arm, probe_tokens, ...asks }
      if (arm === 'control') report({ ...run, samples: 1, arm }, enrolled)
      else if (stop === undefined) report({ ...rest, ...known })
      else {
        const tokens = Math.min(stop.tokens + answer_tokens, run.tokens)
        const stopped_probe = { tokens: stop.tokens, em: stop.em! }
        report({ ...rest, ...known, stopped: true, ...(checks > 0 && { stopped_probe }), tokens, em: stop.em! })
      }
      return { arm, stoppedAt, checks }
    },
    command,
    rule: (context) => ruleFor(snapshot, context),
    state: (key) => contexts.get(key),
    set (key, state) {
      contexts.set(key, state)
      snapshot = refresh([key])
    },
    changes,
  }
}
