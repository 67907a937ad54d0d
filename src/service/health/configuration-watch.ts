import type { FastifyBaseLogger } from 'fastify'
import { StoreUnavailableError } from '../../store/store-errors.js'
import type { Store } from '../../store/store.js'
import type { Config } from '../config/config.js'
import { repeat } from './repeat.js'

/** For how long a replica that has fallen silent still counts, at least, ms. */
const SILENT_MS = 10_000

export type ConfigurationWatch = ReturnType<typeof watchConfigurations>

/**
 * Announces the levels and the default policy of this replica, and notices replicas with other ones: each would undo what the others
 * learn.
 */
export function watchConfigurations ({ store, config, log }: { store: Pick<Store, 'announce'>, config: Config, log: FastifyBaseLogger }) {
  const own = configurationOf(config)
  const everyMs = config.pollSeconds * 1000
  let problem: string | null = null

  async function look (): Promise<void> {
    try {
      const others = (await store.announce(own, Math.max(SILENT_MS, 3 * everyMs))).filter((other) => other !== own).sort()
      const next = others.length === 0 ? null : `this one has ${own}, and others have ${others.join(', ')}`
      if (next !== null && next !== problem) log.warn({ own, others }, 'replicas differ in CONTEXT_LEVELS or DEFAULT_POLICY: give all of them the same values')
      problem = next
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) log.warn({ err: error }, 'the configurations of the replicas could not be compared')
    }
  }

  return {
    ...repeat(look, everyMs),
    /** How other replicas are configured where they differ from this one; `null`: none does. */
    problem: () => problem,
  }
}

/** The same text for the same configuration, in any order of its fields. */
function configurationOf ({ levels, defaultPolicy }: Config): string {
  const policy = Object.fromEntries(Object.entries(defaultPolicy).sort(([a], [b]) => a < b ? -1 : 1))
  return JSON.stringify({ CONTEXT_LEVELS: levels.join(), DEFAULT_POLICY: policy })
}
