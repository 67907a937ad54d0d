import { reaches } from '../../src/core/stats/certificate.js'
import { sumDifferences } from '../../src/core/stats/difference-sums.js'
import { differencesAt } from '../../src/core/stats/evidence.js'
import { addNewest, isHealed, NO_NEWEST, windowOf } from '../../src/core/evidence/newest-units.js'
import { lookShare } from '../../src/core/stats/error-budget.js'
import { mulberry32 } from '../../test/random.js'

const BOUND = 0.02
const BAR = Math.log(20)
const SLICE_UNITS = 32
const NOTHING = sumDifferences([], 1)

/** A threshold whose first `bad` units lose `badDrop`, and whose later ones lose `drop`. */
interface Spoilt { readonly bad: number, readonly badDrop: number, readonly drop: number, readonly most: number }

/** Units after the bad ones until the threshold is certified; `null`: not within `most`. Evidence that was spoilt begins again. */
export function unitsToHeal ({ bad, badDrop, drop, most }: Spoilt, seed: number): number | null {
  const random = mulberry32(seed * 7919)
  let [final, newest, looks] = [NOTHING, NO_NEWEST, 0]
  for (let slice = 0; slice * SLICE_UNITS < bad + most; slice++) {
    const rate = slice * SLICE_UNITS < bad ? badDrop : drop
    const lost = Array.from({ length: SLICE_UNITS }, () => random() < rate).filter(Boolean).length
    const added = { generations: SLICE_UNITS, lost: [lost], gained: [0] }
    final = sumDifferences([final, added], 1)
    newest = addNewest(newest, added, 0, windowOf(BOUND, BAR))
    if (reaches(BOUND, differencesAt(final, 0), BAR - Math.log(lookShare({ count: looks })))) return (slice + 1) * SLICE_UNITS - bad
    if (isHealed(newest, final, BOUND, BAR)) [final, newest, looks] = [NOTHING, NO_NEWEST, looks + 1]
  }
  return null
}
