import type { Config } from '../config/config.js'
import { isWithin } from '../core/policy/context.js'
import type { RowOrder } from '../core/views/describe-row.js'
import { checkKey } from './check-key.js'
import { sumFleet } from './fleet-sums.js'
import type { Scan } from './scan-fleet.js'
import { selectRows, type RowQuery } from './select-rows.js'
import { sortContextRows } from './sort-rows.js'

export type Fleet = ReturnType<typeof createFleetReader>

/**
 * What an operator reads about all contexts at once.
 * @param scan reads all contexts; readers share what it reads for a time
 * @returns readers that also share the sums and the orders that were asked for
 */
export function createFleetReader (scan: () => Promise<Scan>, config: Config) {
  const sumsOf = oncePerScan(({ at, rows }, prefix: string) => {
    return sumFleet({ at, rows: rows.filter(({ key }) => isWithin(key, prefix)) }, prefix)
  })
  const inOrder = oncePerScan(({ rows }, [sort, descending]: readonly [RowOrder, boolean]) => sortContextRows(rows, sort, descending))

  return {
    /** @throws InvalidKeyError */
    async sums (prefix: string) {
      checkKey(config, prefix, '/prefix')
      return sumsOf(await scan(), prefix)
    },
    /** @throws InvalidKeyError */
    async rows (query: RowQuery) {
      checkKey(config, query.prefix, '/prefix')
      const all = await scan()
      return selectRows({ at: all.at, rows: inOrder(all, [query.sort, query.descending]) }, query)
    },
  }
}

/** Remembers what was computed of a scan as long as that is in use: with 10,000 contexts it takes some 20 ms. */
function oncePerScan<A, T> (compute: (scan: Scan, asked: A) => T): (scan: Scan, asked: A) => T {
  const known = new WeakMap<Scan, Map<string, T>>()
  return (scan, asked) => {
    const results = known.get(scan) ?? new Map<string, T>()
    known.set(scan, results)
    const name = String(asked)
    const result = results.get(name) ?? compute(scan, asked)
    results.set(name, result)
    return result
  }
}
