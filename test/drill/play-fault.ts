import { type DrillRow, startDrill, type StoreKind } from './drill.js'
import type { Fault } from './faults.js'
import { startFleet } from './fleet.js'

/** Plays one fault against a fleet of its own, which ends with it. */
export async function playFault ({ name, settings, play }: Fault, store: StoreKind, limitSeconds: number): Promise<DrillRow> {
  const ends: Array<() => unknown> = []
  try {
    const fleet = await startFleet({ teardown: (end) => { ends.unshift(end) } }, store, settings)
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
