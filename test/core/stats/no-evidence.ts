import { noEvidence } from '../../../src/core/stats/evidence.js'
import { GRID } from '../../../src/core/decide/grid.js'

/** No evidence for the raw confidence. */
export const NO_EVIDENCE = noEvidence(GRID.length)
