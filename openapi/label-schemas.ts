import { Type, type Static } from 'typebox'
import { AnswerSchema, EmSchema, nullable, TextSchema } from './field-schemas.js'
import { OutcomeSchema } from './outcome-schemas.js'

export const LabelParamsSchema = Type.Object({ generation_id: TextSchema('Id of the generation, URL-encoded', ['req-8f2c']) })

export const LabelSchema = Type.Object({
  em: Type.Optional(EmSchema('EM of the final answer')),
  answer: Type.Optional(AnswerSchema('The final answer, if the outcome came without it')),
  reference: OutcomeSchema.properties.reference,
  steps: Type.Optional(Type.Array(nullable<0 | 1>('integer', { enum: [0, 1, null], description: 'EM of the answer forced at this step; null: not known' }), {
    maxItems: 4096,
    description: 'By step, in the order of the outcome; what is absent is graded by the reference, or by agreement with the final answer',
  })),
}, {
  additionalProperties: false,
  title: 'Label',
  description: 'What an outcome turned out to be worth: em, or a reference to grade its answers by',
  examples: [{ em: 1 }],
})

export type Label = Static<typeof LabelSchema>

export const LabelledSchema = Type.Object({
  accepted: Type.Integer({ description: 'Stored durably by this call' }),
  duplicates: Type.Integer({ description: 'It had a label already, which stands' }),
}, { title: 'Labelled', description: 'Stored durably', examples: [{ accepted: 1, duplicates: 0 }] })
