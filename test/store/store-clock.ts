import type { Store } from '../../src/store/store.js'
import { until } from '../helper.js'
import { TICK } from './fixtures.js'

/** The time by the clock of the store, ms, which appends a tick. */
export async function timeOf (store: Store): Promise<number> {
  await store.append([TICK])
  return (await store.read('0-0', 100_000, 0)).at(-1)!.time
}

/** Waits for another millisecond, by which Redis orders records. */
export async function nextMillisecond (): Promise<void> {
  const now = Date.now()
  await until('another millisecond', () => Date.now() > now)
}
