import type { CheckpointEntry, Command, PredictorEntry } from '../../core/learn/index.js'
import { ConcurrentChangeError } from '../../errors/errors.js'
import { ConflictError } from '../../store/store-errors.js'
import type { Revision, Store } from '../../store/store.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'

/** Attempts before a command gives up because other commands keep coming in between. */
const ATTEMPTS = 5

/**
 * Plans commands from the stored policies, pins and predictors, and appends them. Where another command came in between, it plans again, so
 * that whatever was validated together is stored together. Commands of one replica take turns. When this resolves they are in force on this
 * replica; other replicas follow soon.
 * @throws MovedError where other commands keep coming in between
 */
export type Commander = (plan: Plan) => Promise<void>

/** @param revision of the store: the commands are appended only if no policy, pin or predictor has changed since */
type Plan = (revision: Revision) => Promise<ReadonlyArray<Command | PredictorEntry | CheckpointEntry>>

export function createCommander (store: Pick<Store, 'revision' | 'append'>, snapshotHolder: Pick<SnapshotHolder, 'refresh'>): Commander {
  let last: Promise<unknown> = Promise.resolve()

  async function run (plan: Plan): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const revision = await store.revision()
      const commands = await plan(revision)
      if (commands.length === 0) return
      try {
        await store.append(commands, revision.policyVersion)
        return await snapshotHolder.refresh()
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error
      }
    }
    throw new ConcurrentChangeError(String(ATTEMPTS))
  }

  return (plan) => {
    const turn = last.then(() => run(plan))
    last = turn.catch(() => {})
    return turn
  }
}
