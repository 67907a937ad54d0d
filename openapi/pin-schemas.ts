import { Type } from '#typebox'
import { nullable, NullableRatioSchema, objectOrNull } from './field-schemas.js'

export const PinSchema = Type.Object({
  threshold: nullable<number>('number', {
    minimum: 0, maximum: 1, description: 'Score at which to stop (0 to 1); null: never stop', examples: [0.98],
  }),
  expires_in_seconds: Type.Optional(Type.Number({
    minimum: 1, maximum: 31_536_000, description: 'Lifetime of the pin (seconds, 1 to a year); absent: until it is removed', examples: [3600],
  })),
  reason: Type.String({ minLength: 1, maxLength: 500, description: 'Reason, kept in the audit trail (1 to 500 characters)', examples: ['incident 42'] }),
}, { additionalProperties: false, title: 'Pin', description: 'A threshold set by an operator, without a guarantee', examples: [{ threshold: 0.98, reason: 'incident 42' }] })

export const ReasonSchema = Type.Object({ reason: PinSchema.properties.reason }, {
  additionalProperties: false, title: 'Reason', description: 'A JSON body such as {"reason": "new weights"}', examples: [{ reason: 'new weights' }],
})

const dryRunOptions = {
  dry_run: Type.Optional(Type.Boolean({ description: 'true: report what the call would do, without doing it' })),
  confirm: Type.Optional(Type.String({
    minLength: 1, maxLength: 64, description: 'The confirm of a dry run of the same call; needed where the call concerns all contexts and changes any of them (409 UNCONFIRMED)',
  })),
}

export const DryRunQuerySchema = Type.Object(dryRunOptions, { additionalProperties: false })

/** For calls without a body. */
export const ReasonQuerySchema = Type.Object({ reason: PinSchema.properties.reason, ...dryRunOptions }, { additionalProperties: false })

export const ConfirmSchema = Type.String({ description: 'Send it as confirm with the same call; it holds while the same contexts change' })

const PinInForceSchema = Type.Object({
  threshold: NullableRatioSchema('Score at which to stop; null: never stop'),
  scorer: Type.Optional(Type.String({ description: 'Predictor whose score is compared; absent: the raw confidence' })),
  reason: Type.String({ description: 'Reason that was given' }),
  by: Type.String({ description: 'Name of the token that set it' }),
  expires_at: nullable<string>('string', { format: 'date-time', description: 'When the pin ends (ISO 8601, UTC); null: when it is removed' }),
  rollback: Type.Optional(Type.Integer({ description: 'Version that a rollback went back to; absent: an operator set the pin' })),
}, { title: 'PinInForce', description: 'Threshold set by an operator' })

export const NullablePinSchema = objectOrNull(PinInForceSchema, 'Threshold set by an operator; null: none')
