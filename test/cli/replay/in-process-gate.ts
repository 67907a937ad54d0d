import type { WorkerApi } from '../../../src/cli/replay/play-runs.js'
import { ContextCounts } from '../../../src/core/contexts/context-counts.js'
import type { ContextState } from '../../../src/core/contexts/context-state.js'
import { ROOT, type Levels } from '../../../src/core/policy/context.js'
import { decide } from '../../../src/core/decide/decide.js'
import { Cohorts } from '../../../src/core/enrolment/cohorts.js'
import { ENROLMENT_TIMES } from '../../../src/core/enrolment/enrolment-list.js'
import { newLedger, type Fold } from '../../../src/core/reducer/fold.js'
import { applyEntry } from '../../../src/core/reducer/apply-entry.js'
import { gradeOutcome } from '../../../src/core/outcome/outcome.js'
import { PendingOutcomes } from '../../../src/core/step-records/pending-outcomes.js'
import { Reservoir } from '../../../src/core/predictor/reservoir.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { compileSnapshot } from '../../../src/core/decide/snapshot.js'
import { linkOf, type ChainLink } from '../../../src/core/contexts/chain-link.js'

/**
 * The whole loop of the core without store, network or clock: each outcome is learned at once and counts for the next decision. A replay
 * over HTTP, where outcomes arrive later, can do no better.
 */
export function inProcessGate (levels: Levels, salt: string, defaults: PolicyPatch): WorkerApi {
  const states = new Map<string, ContextState>()
  const changed = new Set([ROOT])
  const fold: Fold = {
    cursor: '0-0',
    cohorts: new Cohorts(),
    counts: new ContextCounts(),
    times: ENROLMENT_TIMES,
    ledger: newLedger({ levels, defaults, max_contexts: 10_000 }),
    keys: () => states.keys(),
    get: (key) => states.get(key),
    set (key, state) {
      if (state === undefined) states.delete(key); else states.set(key, state)
      changed.add(key)
    },
    own (key) {
      changed.add(key)
      return states.get(key)
    },
    pending: new PendingOutcomes(),
    reservoir: new Reservoir(),
    traces: new Map(),
    predictors: new Map(),
    changes: [],
  }
  const inputs = { levels, defaultPolicy: defaults, policies: fold.ledger.policies, pins: new Map(), predictors: fold.predictors }
  const links = new Map<string, ChainLink>()
  const compile = () => {
    for (const key of changed) links.set(key, linkOf(inputs, key, states.get(key)))
    changed.clear()
    return compileSnapshot({ stateId: 'test', version: 0, levels, salt }, links)
  }

  let snapshot = compile()
  return {
    async decide (step) {
      if (changed.size > 0) snapshot = compile()
      return decide(snapshot, 'fresh', step)
    },
    report: async (outcome) => { applyEntry(fold, 0, gradeOutcome(salt, outcome)) },
  }
}
