import { type Static, type TObject, type TSchema, type TSchemaOptions, Type } from '#typebox'
import { ERROR_CODES } from '../src/errors/error-codes.js'

/** Fields that several schemas share. Descriptions state unit and range, since error messages quote them. */

/** Ids, level values and names: 1 to 128 bytes of UTF-8 (the format is checked in openapi/validation.ts). */
export const TextSchema = (description: string, examples: string[] = []) =>
  Type.String({ minLength: 1, maxLength: 128, format: 'text128', description: `${description} (1 to 128 bytes)`, examples })

export const TokensSchema = (description: string, example: number) =>
  Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: `${description} (a whole number from 0)`, examples: [example] })

export const ProbeTokensSchema = (description: string) =>
  Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: `${description} (a whole number from 0)`, examples: [16] })

export const RepeatsSchema = Type.Boolean({
  description: 'Whether the generation goes round in a loop: its last 512 tokens are one piece of at most 128, repeated. Such a step reaches every threshold of every score, whenever it is sent',
})

/** Tolerance for workers that compute in float32. The core clamps, and error messages do not mention it. */
export const FLOAT32_TOLERANCE = 1e-6

export const ConfidenceSchema = Type.Unsafe<number | null>({
  type: ['number', 'null'],
  minimum: -FLOAT32_TOLERANCE,
  maximum: 1 + FLOAT32_TOLERANCE,
  description: 'Confidence of the worker in the answer it would give now: a number from 0 to 1, or null if unknown (the decision is then continue)',
  examples: [0.97],
})

export const ArmSchema = Type.Unsafe<'control' | 'treated'>({
  type: 'string',
  enum: ['control', 'treated'],
  description: 'Arm of the generation, "control" or "treated": send the arm of the first reply with later steps and with the outcome',
  examples: ['treated'],
})

export const ContextSchema = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: { type: 'string', minLength: 1, maxLength: 128, format: 'text128' },
  maxProperties: 16,
  description: 'Where the generation belongs: one value for each level of CONTEXT_LEVELS (1 to 128 bytes each)',
  examples: [{ model: 'example', task: 'example' }],
})

export const SignalsSchema = Type.Unsafe<Record<string, number>>({
  type: 'object',
  additionalProperties: { type: 'number' },
  propertyNames: { minLength: 1, maxLength: 128, format: 'signal128' },
  maxProperties: 16,
  description: 'Other numbers about this step by name, up to 16; predictors can learn from any. Standard names: entropy (nats, of the tokens of the probed answer), ' +
    'answer_streak (consecutive steps with this answer), confidence_delta (change since the previous step), confidence_max (highest so far), vote_share (of the leading answer), ' +
    'marker_density (words of doubt per 100 tokens)',
  examples: [{ entropy: 0.31, answer_streak: 3 }],
})

export const EmSchema = (description: string) => Type.Unsafe<0 | 1>({
  type: 'integer', enum: [0, 1], description: `${description}: 1 right, 0 wrong`, examples: [1],
})

export const WEIGHTS_DESCRIPTION = 'Weights in this order: intercept, log-odds of the confidence, relative length, product of both, then each signal'
export const LENGTH_POWER_DESCRIPTION = 'Power p of the relative length (r^p - 1) / p, where r = min(max(1, tokens) / exp(log_median), 100); ' +
  'if 0 or absent, the relative length is ln(max(1, tokens)) - log_median'

export const AnswerSchema = (description: string) => Type.String({ maxLength: 4096, format: 'text4096', description: `${description} (up to 4 KiB)` })

export const nullable = <T>(type: string, options: TSchemaOptions & { description: string }) =>
  Type.Unsafe<T | null>({ ...options, type: [type, 'null'] })

/** A schema with a title, described for the place where it is used. In the document it is a reference. */
export const described = <T extends TObject>(schema: T, description: string): T => ({ ...schema, description, 'x-named': schema })

/** The same where the value may be `null`. */
export const objectOrNull = <T extends TSchema>(schema: T, description: string) =>
  Type.Unsafe<Static<T> | null>({ ...schema, type: ['object', 'null'], description, 'x-named': schema })

/**
 * Adds constraints that only the document states. The code checks them after the validation, with an error that says more than a
 * validator's.
 */
export const stating = <T extends TSchema>(schema: T, constraints: object): T => ({ ...schema, 'x-stated': constraints })

export const RatioSchema = (description: string) => Type.Number({ description: `${description} (fraction)` })
export const NullableRatioSchema = (description: string) => nullable<number>('number', { description: `${description} (fraction)` })
/** Scores and thresholds: from 0 to 1, or tokens under the score "tokens". */
export const ScoreSchema = (description: string) => Type.Number({ description: `${description} (0 to 1, or tokens)` })
export const NullableScoreSchema = (description: string) => nullable<number>('number', { description: `${description} (0 to 1, or tokens)` })
export const TimeSchema = (description: string) => Type.String({ format: 'date-time', description: `${description} (ISO 8601, UTC)` })

const told = ERROR_CODES.map(({ code, status, message }) => `- \`${code}\` (${status})${message === '…' ? '' : `: ${message}`}`)

export const ErrorSchema = Type.Object({
  statusCode: Type.Integer({ description: 'HTTP status' }),
  code: Type.Unsafe<string>({
    type: 'string',
    enum: ERROR_CODES.map(({ code }) => code),
    description: `Stable code. Later versions may add codes; treat a code that you do not know by its status.\n\n${told.join('\n')}`,
  }),
  error: Type.String({ description: 'Name of the HTTP status' }),
  message: Type.String({ description: 'Problem and remedy; for an internal error only the request id' }),
  details: Type.Optional(Type.Array(Type.Object({
    path: Type.String({ description: 'JSON pointer into the input' }),
    message: Type.String({ description: 'How to correct the input' }),
  }), { description: 'For invalid input: the place and the problem' })),
}, { title: 'Error', description: 'Error reply' })

export const anyError = { '4xx': ErrorSchema, '5xx': ErrorSchema }
