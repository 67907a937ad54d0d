import type { ContextState, Expected } from '../judgement/context-state.js'
import { moveOf } from './threshold-change.js'
import { policyOf, startEpoch, statesWithin, type Fold } from './fold.js'
import { judgeAfresh } from '../judgement/judge.js'
import type { CheckpointEntry } from './log-entry.js'
import { moveShare } from './move-share.js'
import type { Policy } from '../policy/policy.js'

/**
 * Starts an epoch in a context and those below, since evidence about one checkpoint proves nothing about the next. The certificate of the
 * previous checkpoint is kept as an expectation, which affects no decision.
 */
export function applyCheckpoint (fold: Fold, time: number, { key: under, run, step, by }: CheckpointEntry): void {
  const opened: Array<readonly [key: string, state: ContextState]> = []
  for (const [key, state] of statesWithin(fold, under)) {
    const policy = policyOf(fold.ledger, key)
    const next = startEpoch(fold, key, state, { cause: 'checkpoint', policy, time })
    const expected = expectationOf(fold, state, policy) ?? state.checkpoint?.expected ?? null
    const served = { ...next, checkpoint: { run, step, expected } }
    fold.set(key, served)
    opened.push([key, served])
    fold.changes.push({ time, key, cause: 'checkpoint', epoch: next.epoch, ...moveOf(state), by, reason: `step ${step} of run ${run}` })
  }
  for (const [key, state] of opened) moveShare(fold, key, state, time)
}

function expectationOf (fold: Fold, state: ContextState, policy: Policy): Expected | null {
  const { scorer, threshold, guarantee } = judgeAfresh(state, policy, fold.ledger.configuration.levels, fold.predictors)
  if (guarantee === null) return null
  const { tokens_saved_ratio, em_drop } = guarantee
  const { run = null, step = null } = state.checkpoint ?? {}
  return { run, step, threshold: threshold!, ...(scorer !== null && { scorer }), tokens_saved_ratio, em_drop }
}
