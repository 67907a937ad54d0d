import { type DrillRow, startDrill, type StoreKind } from './drill.js'
import type { Fault } from './faults.js'
import { shiftedClock } from '../../test/slow/faults/shifted-clock.js'
import { startFleet } from './fleet.js'

/** Plays one fault against a fleet of its own, which ends with it. */
export async function playFault (
  { name, settings = {}, hasOwnClock = false, play }: Fault, store: StoreKind, limitSeconds: number
): Promise<DrillRow> {
  const ends: Array<() => unknown> = []
  try {
    const ending = { teardown: (end: () => unknown) => { ends.unshift(end) } }
    const clock = hasOwnClock ? await shiftedClock(ending) : null
    const fleet = await startFleet(ending, store, { ...settings, ...clock?.env }, clock?.set)
    const { drill, row } = startDrill(name, store, limitSeconds)
    try {
      await play(fleet, drill)
    } catch (error) {
      throw new Error(`${name} (${store}): ${fleet.endings()}`, { cause: error })
    }
    return row()
  } finally {
    for (const end of ends) await end()
  }
}
