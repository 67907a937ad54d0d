import type { Evidence } from '../certificate/evidence.js'

/** Evidence of units that are accounted for, or known at worst, and how many others were enrolled, all of which count as lost. */
export interface OpenSum { readonly evidence: Evidence, readonly unaccounted: number }
