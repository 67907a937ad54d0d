import {
  type ChainLink, compileSnapshot, ContextCounts, type ContextState, linkOf, type LogEntry, newLedger, PendingOutcomes,
} from '../../core/learn/index.js'
import { type ContextRule, decideStep, type Decision, ruleFor, type Snapshot, type Step } from '../../core/decide/index.js'
import { Cohorts, DrawBuffer, ENROLMENT_TIMES } from '../../core/evidence/index.js'
import { gradeOutcome, type ReportedOutcome } from '../../core/outcome/index.js'
import { chainOf, type Context, type Levels, type PolicyPatch, ROOT } from '../../core/policy/index.js'
import { Reservoir } from '../../core/scores/index.js'
import { enrolStep } from '../../service/decisions/answer-step.js'
import { foldEntries } from '../../service/learner/fold-entries.js'

export interface MemoryService {
  /** Decides a step, and enrols its generation if it is the first one. */
  readonly decide: (step: Step) => Decision
  /** Learns from an outcome at once. */
  readonly report: (outcome: ReportedOutcome) => void
  /** Lets time pass, ms. */
  readonly pass: (ms: number) => void
  /** The rule in force for a context. */
  readonly rule: (context: Context) => ContextRule
  readonly state: (key: string) => ContextState | undefined
}

/** The service without HTTP, store, threads and clock: the real decisions, the real enrolment and the real learner. */
export function memoryService (salt: string, levels: Levels, defaults: PolicyPatch): MemoryService {
  const contexts = new Map<string, ContextState>()
  const links = new Map<string, ChainLink>()
  const memory = {
    cursor: '0',
    ledger: newLedger({ levels, max_contexts: 10_000, defaults }),
    contexts,
    pending: new PendingOutcomes(),
    cohorts: new Cohorts(),
    counts: new ContextCounts(),
    reservoir: new Reservoir(),
    predictors: new Map(),
  }
  const draws = new DrawBuffer()
  const sink = { enrol: (...[drawn, u, hash]: [Parameters<DrawBuffer['add']>[0], number, number]) => { draws.add(drawn, u, hash, now) } }
  let now = 0
  let entries = 0
  let lists = 0
  let appendedAt = 0
  let snapshot = refresh([ROOT])

  function refresh (keys: readonly string[]): Snapshot {
    const inputs = { levels, defaultPolicy: defaults, policies: memory.ledger.policies, pins: new Map(), predictors: memory.predictors }
    for (const key of keys.flatMap(chainOf)) links.set(key, linkOf(inputs, key, contexts.get(key)))
    return compileSnapshot({ stateId: 'memory', version: entries, levels, salt }, links)
  }

  function learn (entry: LogEntry): void {
    const { decisive } = foldEntries(memory, [{ cursor: String(++entries), time: now, entry }], ENROLMENT_TIMES)
    if (decisive.length > 0) snapshot = refresh(decisive)
  }

  /** Appends the draws to the log, so that an outcome finds its generation enrolled. */
  function appendDraws (): void {
    const taken = draws.take()
    if (taken === null) return
    const after = lists === 0 ? {} : { after: now - appendedAt }
    learn({ type: 'enrolment', boot: 'memory', number: ++lists, age: now - taken.since, ...after, entries: taken.entries })
    appendedAt = now
  }

  return {
    decide (step) {
      const decided = decideStep(snapshot, 'fresh', step)
      enrolStep(sink, snapshot, step, decided)
      return decided.decision
    },
    report (outcome) {
      appendDraws()
      learn(gradeOutcome(salt, outcome))
    },
    pass (ms) {
      now += ms
      learn({ type: 'tick' })
    },
    rule: (context) => ruleFor(snapshot, context),
    state: (key) => contexts.get(key),
  }
}
