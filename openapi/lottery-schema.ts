import { Type } from '#typebox'
import { RatioSchema } from './field-schemas.js'

/** What a share of the generations has instead of the threshold. */
export const LotterySchema = Type.Object({
  threshold: RatioSchema('The next looser threshold'),
  share: RatioSchema('Share of the generations that have it instead: those with murmur3 of "salt:lottery:id" / 2^32 below it, where the id is that of the group, or of the generation'),
}, { title: 'Lottery', description: 'Some generations have the next looser threshold, drawn by a hash of their id; absent or null: none' })
