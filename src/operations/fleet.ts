import type { Config } from '../config/config.js'
import { isWithin, ROOT } from '../core/policy/context.js'
import type { Store } from '../store/store.js'
import { checkKey } from './check-key.js'
import { sumFleet, type FleetSums } from './fleet-sums.js'
import type { ReadHistory } from './history-reader.js'
import { createScanner, type Scan } from './scan-fleet.js'
import { selectRows, type RowPage, type RowQuery } from './select-rows.js'

/** What an operator reads about all contexts at once. */
export interface Fleet {
  readonly sums: (prefix: string) => Promise<FleetSums>
  readonly rows: (query: RowQuery) => Promise<RowPage>
}

/** @returns readers that share what they read for a time */
export function createFleet (store: Store, readHistory: ReadHistory, config: Config): Fleet {
  const scan = createScanner(store, readHistory, config)

  /** @throws InvalidKeyError */
  async function scanWithin (prefix: string): Promise<Scan> {
    checkKey(config, prefix, '/prefix')
    const all = await scan()
    return prefix === ROOT ? all : { ...all, rows: all.rows.filter(({ key }) => isWithin(key, prefix)) }
  }

  return {
    sums: async (prefix) => sumFleet(await scanWithin(prefix), prefix),
    rows: async (query) => selectRows(await scanWithin(query.prefix), query),
  }
}
