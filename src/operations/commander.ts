import type { CheckpointEntry, Command, PredictorEntry } from '../core/learn/log-entry.js'
import { ConcurrentChangeError } from '../errors/errors.js'
import type { Service } from '../replica/service.js'
import type { Store } from '../store/store.js'
import { ConflictError } from '../store/store-errors.js'

/** How often a command is tried before its caller is told that others keep coming in between. */
const ATTEMPTS = 5

/**
 * Stores what `look` makes of the policies, pins and predictors there are, unless they moved since it looked: it then looks again. So what
 * was validated as a whole is stored as a whole. Commands of this replica take turns; it has them in force when this resolves, others soon.
 * @throws MovedError
 */
export type Commander = (look: Look) => Promise<void>

type Look = () => Promise<ReadonlyArray<Command | PredictorEntry | CheckpointEntry>>

export function createCommander (store: Pick<Store, 'revision' | 'append'>, service: Pick<Service, 'refresh'>): Commander {
  let last: Promise<unknown> = Promise.resolve()

  async function run (look: Look): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { policyVersion } = await store.revision()
      const commands = await look()
      if (commands.length === 0) return
      try {
        await store.append(commands, policyVersion)
        return await service.refresh()
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error
      }
    }
    throw new ConcurrentChangeError(String(ATTEMPTS))
  }

  return (look) => {
    const turn = last.then(() => run(look))
    last = turn.catch(() => {})
    return turn
  }
}
