import { Type } from 'typebox'
import { nullable, nullableRatio } from './field-schemas.js'

const difference = (what: string) => Type.Unsafe<{ estimate: number, low: number, high: number } | null>({
  type: ['object', 'null'],
  properties: {
    estimate: Type.Number({ description: 'Estimate, weighted by the control share at which each generation was drawn' }),
    low: Type.Number({ description: 'Lower bound at error_level, valid however often it is read' }),
    high: Type.Number({ description: 'Upper bound, likewise' }),
  },
  required: ['estimate', 'low', 'high'],
  description: `Treated minus control: ${what}; null while an arm has too few generations`,
})

const ArmViewSchema = Type.Object({
  generations: Type.Integer({ description: 'Generations compared' }),
  labelled: Type.Integer({ description: 'Those of them that have a label' }),
  em: nullableRatio('Unweighted mean EM'),
  tokens_mean: nullable<number>('number', { description: 'Unweighted mean length (tokens)' }),
}, { title: 'Arm', description: 'One arm of the comparison' })

export const ArmsSchema = Type.Object({
  control: ArmViewSchema,
  treated: ArmViewSchema,
  em_difference: difference('EM (fraction)'),
  tokens_difference: difference('tokens a generation'),
}, { title: 'Arms', description: 'Control compared with treated generations of this epoch, while a threshold was in force. In mode shadow the arms must not differ. Above the leaves, the contexts below are summed whatever their mode' })
