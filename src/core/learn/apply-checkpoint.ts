import { type Fold, statesWithin } from './fold.js'
import { expectationOf } from './expected-certificate.js'
import { policyOf } from './ledger.js'
import { startEpoch } from './start-epoch.js'
import type { CheckpointEntry } from './log-entry.js'
import type { ContextState } from './context-state.js'
import { continuedBy } from './served-checkpoint.js'
import { moveOf } from './threshold-change.js'
import { moveShare } from './control-share.js'

/**
 * Starts an epoch in a context and those below, since evidence about one checkpoint proves nothing about the next. The certificate of the
 * previous checkpoint is kept as an expectation, which affects no decision. A checkpoint that continues the training starts none, unless
 * the context serves another run.
 */
export function applyCheckpoint (fold: Fold, time: number, { key: under, run, step, continues, by }: CheckpointEntry): void {
  const opened: Array<readonly [key: string, state: ContextState]> = []
  for (const [key, state] of statesWithin(fold, under)) {
    const last = state.checkpoint ?? null
    if (continues && (last === null || last.run === run)) {
      fold.set(key, { ...state, checkpoint: continuedBy(last, run, step) })
      continue
    }
    const policy = policyOf(fold.ledger, key)
    const next = startEpoch(fold, key, state, { cause: 'checkpoint', policy, time })
    const expected = expectationOf(fold, state, policy) ?? state.checkpoint?.expected ?? null
    const served = { ...next, checkpoint: { run, step, expected } }
    fold.set(key, served)
    opened.push([key, served])
    fold.changes.push({ time, key, cause: 'checkpoint', epoch: next.epoch.number, ...moveOf(state), by, reason: `step ${step} of run ${run}` })
  }
  for (const [key, state] of opened) moveShare(fold, key, state, time)
}
