import { Type } from '#typebox'
import { nullable, NullableRatioSchema, objectOrNull } from './field-schemas.js'

const DifferenceSchema = Type.Object({
  estimate: Type.Number({ description: 'Estimate, weighted by the control share at which each generation was drawn' }),
  low: Type.Number({ description: 'Lower bound at error_level, valid however often it is read' }),
  high: Type.Number({ description: 'Upper bound, likewise' }),
}, { title: 'ArmDifference', description: 'Treated minus control' })

const difference = (what: string) =>
  objectOrNull(DifferenceSchema, `Treated minus control: ${what}; null while an arm has too few generations`)

const ArmViewSchema = Type.Object({
  generations: Type.Integer({ description: 'Generations with a known length' }),
  labelled: Type.Integer({ description: 'Generations whose EM is compared' }),
  em: NullableRatioSchema('Unweighted mean EM'),
  tokens_mean: nullable<number>('number', { description: 'Unweighted mean length (tokens)' }),
}, { title: 'Arm', description: 'One arm of the comparison' })

export const ArmsSchema = Type.Object({
  control: ArmViewSchema,
  treated: ArmViewSchema,
  em_difference: difference('EM (fraction)'),
  tokens_difference: difference('tokens a generation'),
  breach_suspected: Type.Boolean({ description: 'Whether real stops seem to lose more than max_em_drop: the estimate is 1.65 standard errors beyond it. This raises an "auto" control share' }),
  breached: Type.Boolean({ description: 'Whether the whole interval is beyond max_em_drop. A certified threshold is then withdrawn with cause "breach"; a pinned one stays' }),
}, { title: 'Arms', description: 'Enrolled control generations compared with enrolled treated ones of this epoch, since the last change of mode or pin and while a threshold was in force. A missing or cancelled control outcome counts as wrong; a missing treated one counts as right. In mode shadow the arms must not differ' })
