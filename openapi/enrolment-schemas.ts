import { Type } from '#typebox'
import { ContextSchema, nullable, TextSchema } from './field-schemas.js'

const strict = { additionalProperties: false }

const EnrolledSchema = Type.Object({
  generation_id: Type.Optional(TextSchema('Id of the generation')),
  group_id: Type.Optional(TextSchema('Id of the prompt that several generations share; the arm is drawn from it')),
  sample: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Number of the generation in its group (from 0); only number 0 enrols the group' })),
}, { ...strict, title: 'DrawnGeneration', description: 'A generation whose arm was drawn: generation_id, group_id or both', anyOf: [{ required: ['generation_id'] }, { required: ['group_id'] }] })

export const EnrolmentsSchema = Type.Object({
  context: Type.Optional(ContextSchema),
  epoch: nullable<string>('string', { maxLength: 64, description: 'Epoch of the node of the bundle by which the arms were drawn; null: the bundle states none' }),
  share: Type.Number({ minimum: 0, maximum: 1, description: 'Control share at which the arms were drawn (0 to 1); at 0 nothing is enrolled' }),
  age_ms: Type.Number({ minimum: 0, maximum: 86_400_000, description: 'Time since the first of these draws, by a monotonic clock (milliseconds); draws older than 5 seconds do not enrol' }),
  generations: Type.Array(EnrolledSchema, { maxItems: 4096, description: 'Generations whose first step was decided, up to 4,096' }),
}, {
  ...strict,
  title: 'Enrolments',
  description: 'Arms that a worker drew by a bundle, in one context, epoch and control share',
  examples: [{
    context: { model: 'example', task: 'example' }, epoch: 'example', share: 0.2, age_ms: 40, generations: [{ generation_id: 'example-1' }, { group_id: 'example-2', sample: 0 }],
  }],
})

export const EnrolledCountSchema = Type.Object({
  enrolled: Type.Integer({ description: 'Generations or groups that were handed over for enrolment: those whose draw is below twice the share, thinned by label_rate' }),
}, { title: 'EnrolledCount', description: 'The draws are written to the log within a moment', examples: [{ enrolled: 1 }] })
