import { Type } from 'typebox'
import { NullablePinSchema } from './context-schemas.js'
import { AUDIT_EXAMPLE } from './examples/context-examples.js'
import { nullable, time } from './field-schemas.js'
import { PolicyPatchSchema } from './policy-schemas.js'

const types = ['policy', 'pin', 'reset', 'predictor', 'unreadable'] as const
const actions = ['added', 'retired', 'forgotten'] as const

export const AuditQuerySchema = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Commands to list (1 to 1000)' })),
  before: Type.Optional(Type.String({ pattern: '^\\d{1,16}(-\\d{1,16})?$', description: 'Only those before this one: the "id" of a row, such as "next"' })),
}, { additionalProperties: false })

export const AuditSchema = Type.Object({
  commands: Type.Array(Type.Object({
    id: Type.String({ description: 'Of the row' }),
    time: time('When it was stored; where unreadable, at the latest'),
    by: Type.String({ description: 'Name of the token; "anonymous" where none was asked for, "stopgate" for the end of a pin that expired, and where unreadable' }),
    type: Type.Unsafe<typeof types[number]>({ type: 'string', enum: [...types], description: 'policy, pin, reset or predictor; unreadable: it is damaged in the store' }),
    key: nullable<string>('string', { description: 'Context key; null of a predictor, which is of no one context, and of what is unreadable' }),
    reason: nullable<string>('string', { description: 'Why; null where it was not said' }),
    policy: Type.Optional(Type.Unsafe<object | null>({
      ...PolicyPatchSchema, type: ['object', 'null'], title: 'NullablePolicyPatch', description: 'The policy stated; null: removed',
    })),
    pin: Type.Optional(NullablePinSchema),
    predictor: Type.Optional(Type.Object({
      name: Type.String({ description: 'Of the predictor' }),
      action: Type.Unsafe<typeof actions[number]>({
        type: 'string', enum: [...actions], description: 'added: from then on a challenger; retired: no longer used; forgotten: gone',
      }),
    }, { description: 'What was done with which; what it is: GET /v1/model/predictors/{name}' })),
    replaced: nullable<object>('object', { additionalProperties: true, description: 'The policy or pin that was there before; null: none, and always so of any other' }),
    version: Type.Integer({ description: 'Of the model once it was in force; a reset is in force when the learner has it (see the history)' }),
  }), { description: 'Newest first' }),
  next: nullable<string>('string', { description: 'Where the next page begins (pass as "before"); null: this was the last' }),
}, { title: 'Audit', description: 'What operators did', examples: [AUDIT_EXAMPLE] })
