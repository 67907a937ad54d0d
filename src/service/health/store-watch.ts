import type { FastifyBaseLogger } from 'fastify'
import { StoreUnavailableError } from '../../store/store-errors.js'
import type { Store } from '../../store/store.js'
import { repeat } from './repeat.js'

/** Interval between two looks, ms. */
const EVERY_MS = 2000

/** Logs once what the store warns of, such as a full disk, and when it is over. `/readyz` has the same warnings. */
export function watchStore ({ store, log, everyMs = EVERY_MS }: {
  readonly store: Pick<Store, 'warnings'>, readonly log: FastifyBaseLogger, readonly everyMs?: number
}) {
  let known: readonly string[] = []

  async function look (): Promise<void> {
    try {
      const warnings = await store.warnings()
      for (const warning of warnings) if (!known.includes(warning)) log.error({ part: 'store' }, warning)
      for (const warning of known) if (!warnings.includes(warning)) log.warn({ part: 'store' }, `this problem of the store is over: ${warning}`)
      known = warnings
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) log.warn({ err: error }, 'the state of the store could not be read') // its outage is logged
    }
  }

  return repeat(look, everyMs)
}
