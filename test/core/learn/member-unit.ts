import { EIGHTHS } from '../../../src/core/stats/certificate.js'
import { GRID } from '../../../src/core/decide/grid.js'
import type { MemberUnit } from '../../../src/core/evidence/membership.js'

const zeros = GRID.map(() => 0)

/** A control generation of 100 tokens that loses `lost` at every threshold and saves 60, final at once, unless told otherwise. */
export function memberUnit ({ lost = 0, ...fields }: Partial<MemberUnit> & { readonly lost?: number } = {}): MemberUnit {
  const unit = {
    tokens: 100,
    em: 1,
    labelled: 1,
    unprobed_generations: 0,
    eighths: GRID.map(() => EIGHTHS * lost),
    stopped_tokens: GRID.map(() => 40),
    unprobed: zeros,
  }
  return { unit, isKnown: true, slice: 0, firstOpen: Infinity, epoch: 'pool-1', index: 9, bound: 0.02, time: 1000, ...fields }
}
