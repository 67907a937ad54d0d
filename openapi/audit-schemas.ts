import { Type } from '#typebox'
import { NullablePinSchema } from './pin-schemas.js'
import { AUDIT_EXAMPLE } from './examples/context-examples.js'
import { nullable, objectOrNull, TimeSchema } from './field-schemas.js'
import { PolicyPatchSchema } from './policy-schemas.js'

const types = ['policy', 'pin', 'reset', 'predictor', 'unreadable'] as const
const actions = ['added', 'retired', 'forgotten'] as const

export const AuditQuerySchema = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Number of commands to list (1 to 1000)' })),
  before: Type.Optional(Type.String({ pattern: '^\\d{1,16}(-\\d{1,16})?$', description: 'Lists only commands older than this one: the "id" of a row, or the "next" of the page before' })),
}, { additionalProperties: false })

export const AuditSchema = Type.Object({
  commands: Type.Array(Type.Object({
    id: Type.String({ description: 'Id of the row' }),
    time: TimeSchema('When the command was stored; for an unreadable one, the latest time it can have been'),
    by: Type.String({ description: 'Name of the token; "anonymous" where the service has no tokens; "stopgate" for a pin that expired and for an unreadable command' }),
    type: Type.Unsafe<typeof types[number]>({ type: 'string', enum: [...types], description: 'What was changed; unreadable: the command is damaged in the store' }),
    key: nullable<string>('string', { description: 'Context key; null for a predictor, which belongs to no single context, and for an unreadable command' }),
    reason: nullable<string>('string', { description: 'Reason that was given; null: none' }),
    policy: Type.Optional(objectOrNull(PolicyPatchSchema, 'The policy that was set; null: it was removed')),
    pin: Type.Optional(NullablePinSchema),
    predictor: Type.Optional(Type.Object({
      name: Type.String({ description: 'Name of the predictor' }),
      action: Type.Unsafe<typeof actions[number]>({
        type: 'string', enum: [...actions], description: 'added: it became a challenger; retired: it is no longer used; forgotten: it was deleted',
      }),
    }, { description: 'The predictor and what was done with it; GET /v1/model/predictors/{name} describes it' })),
    replaced: nullable<object>('object', { additionalProperties: true, description: 'The policy or pin that was replaced; null: there was none, and always null for other types' }),
    version: Type.Integer({ description: 'Model version in which the command took effect; a reset takes effect when the learner processes it (see the history)' }),
  }), { description: 'Commands, newest first' }),
  next: nullable<string>('string', { description: 'Start of the next page, to be passed as "before"; null: this is the last page' }),
}, { title: 'Audit', description: 'Commands of operators', examples: [AUDIT_EXAMPLE] })
