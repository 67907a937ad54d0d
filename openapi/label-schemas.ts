import { Type, type Static } from '#typebox'
import { AnswerSchema, EmSchema, nullable, stating, TextSchema } from './field-schemas.js'
import { OutcomeSchema } from './outcome-schemas.js'

export const LabelParamsSchema = Type.Object({ generation_id: TextSchema('Id of the generation, URL-encoded', ['req-8f2c']) })

export const LabelSchema = stating(Type.Object({
  em: Type.Optional(EmSchema('EM of the final answer')),
  answer: Type.Optional(AnswerSchema('Final answer, if the outcome came without one')),
  reference: OutcomeSchema.properties.reference,
  steps: Type.Optional(Type.Array(nullable<0 | 1>('integer', { enum: [0, 1, null], description: 'EM of the answer forced at this step; null: unknown' }), {
    maxItems: 4096,
    description: 'EM for each step, in the order of the outcome\'s steps; steps without one are graded by the reference, or by agreement with the final answer',
  })),
}, {
  additionalProperties: false,
  title: 'Label',
  description: 'Label of an outcome: em, or a reference to grade its answers with',
  examples: [{ em: 1 }],
}), { allOf: [{ anyOf: [{ required: ['em'] }, { required: ['reference'] }] }] })

export type LabelReport = Static<typeof LabelSchema>

export const LabelledSchema = Type.Object({
  accepted: Type.Integer({ description: 'Labels stored durably by this call' }),
  duplicates: Type.Integer({ description: '1 if the outcome had a label already, which stands' }),
}, { title: 'Labelled', description: 'The label is stored durably', examples: [{ accepted: 1, duplicates: 0 }] })
